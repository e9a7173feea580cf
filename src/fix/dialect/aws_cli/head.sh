set -euo pipefail
export AWS_PAGER=''
left=0

say() { printf '%s\n' "$*" >&2; }

leave() {
  say "  left out: $*"
  left=$((left + 1))
}

# one command: where AWS refuses it, the others are made all the same
try() { "$@" || leave 'AWS refused it'; }

account=$(aws sts get-caller-identity --query Account --output text)

of_account() {
  if [ "$account" != "$1" ]; then
    say "these credentials are of account $account, the changes are for $1: nothing was done"
    exit 1
  fi
}
