strip_blanks() { printf '%s' "$1" | tr -d '[:space:]'; }

# usage: put_key_policy REGION KEY_ARN SCANNED_POLICY NEW_POLICY
put_key_policy() {
  local current
  current=$(aws kms get-key-policy --region "$1" --key-id "$2" --policy-name default --query Policy --output text) || {
    skip "failed to read the policy of $2"
    return
  }
  if [ "$(strip_blanks "$current")" = "$(strip_blanks "$4")" ]; then
    say '  already done'
  elif [ "$(strip_blanks "$current")" = "$(strip_blanks "$3")" ]; then
    try aws kms put-key-policy --region "$1" --key-id "$2" --policy-name default --policy "$(printf '%s' "$4")"
  else
    skip "the policy of $2 changed since the scan; scan again"
  fi
}
