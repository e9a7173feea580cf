set -euo pipefail
export AWS_PAGER=''
skipped=0

say() { printf '%s\n' "$*" >&2; }

skip() {
  say "  skipped: $*"
  skipped=$((skipped + 1))
}

# runs one command; if it fails, the script continues with the next change
try() { "$@" || skip 'AWS rejected the request'; }

require_account() {
  if [ "$account" != "$1" ]; then
    say "these credentials belong to account $account, but the changes are for account $1; no changes were made"
    exit 1
  fi
}
