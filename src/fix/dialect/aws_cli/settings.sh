# region, flag, the settings' name, what was read, what to set
backup_settings() {
  local now
  now=$(aws backup describe-region-settings --region "$1" --query "[($3 || \`{}\`) == \`$4\`, $3 == \`$5\`]" --output text) || {
    leave "$3 of $1 cannot be read"
    return
  }
  case $now in
    *True) say "  $3: already done" ;;
    True*) try aws backup update-region-settings --region "$1" "$2" "$5" ;;
    *) leave "$3 of $1 is not what was read any more: scan again" ;;
  esac
}
