# usage: backup_settings REGION FLAG NAME SCANNED_SETTINGS NEW_SETTINGS
backup_settings() {
  local state
  state=$(aws backup describe-region-settings --region "$1" --query "[($3 || \`{}\`) == \`$4\`, $3 == \`$5\`]" --output text) || {
    skip "failed to read $3 of $1"
    return
  }
  case $state in
    *True) say "  $3: already done" ;;
    True*) try aws backup update-region-settings --region "$1" "$2" "$5" ;;
    *) skip "$3 of $1 changed since the scan; scan again" ;;
  esac
}
