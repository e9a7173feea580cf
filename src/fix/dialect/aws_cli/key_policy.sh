squeezed() { printf '%s' "$1" | tr -d '[:space:]'; }

# region, key, the policy that was read, the policy to put
put_key_policy() {
  local now
  now=$(aws kms get-key-policy --region "$1" --key-id "$2" --policy-name default --query Policy --output text) || {
    leave "the policy of $2 cannot be read"
    return
  }
  if [ "$(squeezed "$now")" = "$(squeezed "$4")" ]; then
    say '  already done'
  elif [ "$(squeezed "$now")" = "$(squeezed "$3")" ]; then
    try aws kms put-key-policy --region "$1" --key-id "$2" --policy-name default --policy "$(printf '%s' "$4")"
  else
    leave "the policy of $2 is not the one that was read any more: scan again"
  fi
}
