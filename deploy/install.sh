#!/bin/sh
# Installs a release of backup-check after verifying its checksum:
#
#   curl -fsSL https://github.com/ORG/backup-check/releases/latest/download/install.sh | sh
#   curl -fsSL https://github.com/ORG/backup-check/releases/latest/download/install.sh | sh -s -- --version v0.1.0 --to /usr/local
#
#   --version TAG   release to install, or `latest` (default; BACKUP_CHECK_VERSION)
#   --to FOLDER     gets bin, and share with completions and the man page (default: ~/.local; BACKUP_CHECK_TO)
#
# BACKUP_CHECK_RELEASES is the address of the releases, for a mirror. With GH_TOKEN and the GitHub CLI, a private
# repository (GH_REPO) works too.
set -eu

fail() {
  if [ "${GITHUB_ACTIONS:-}" = true ]; then echo "::error title=backup-check::$1"; else echo "error: $1" >&2; fi
  exit 2
}

# Prints the target of the release for this machine.
name_target() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-amd64) echo x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    # Windows on ARM runs x64 programs.
    MINGW*-* | MSYS*-* | CYGWIN*-*) echo x86_64-pc-windows-msvc ;;
  esac
}

# Downloads a file of the release into the working directory.
download() {
  if [ -n "${GH_TOKEN:-}" ] && command -v gh > /dev/null; then
    if [ "$version" = latest ]; then
      gh release download --repo "$GH_REPO" --pattern "$1"
    else
      gh release download "$version" --repo "$GH_REPO" --pattern "$1"
    fi
    return
  fi
  if [ "$version" = latest ]; then url="$releases/latest/download/$1"; else url="$releases/download/$version/$1"; fi
  if command -v curl > /dev/null; then
    curl --fail --silent --show-error --location --retry 3 --output "$1" "$url"
  elif command -v wget > /dev/null; then
    wget -q -O "$1" "$url"
  else
    fail "curl or wget is required"
  fi
}

# Verifies a file against its line in SHA256SUMS, which must exist.
verify() {
  awk -v name="$1" '$2 == name || $2 == "*" name' SHA256SUMS > expected
  [ -s expected ] || fail "SHA256SUMS of the release does not list $1"
  if command -v sha256sum > /dev/null; then
    sha256sum -c expected > /dev/null 2>&1
  else
    shasum -a 256 -c expected > /dev/null 2>&1
  fi || fail "the checksum of $1 does not match SHA256SUMS"
}

# Installs a file of the unpacked archive.
place() {
  mkdir -p "$(dirname "$to/$2")"
  # Replaces a program that is running, which a copy over it cannot.
  cp "$1" "$to/$2.new"
  mv -f "$to/$2.new" "$to/$2"
}

main() {
  version="${BACKUP_CHECK_VERSION:-latest}"
  to="${BACKUP_CHECK_TO:-${HOME:-}/.local}"
  releases="${BACKUP_CHECK_RELEASES:-https://github.com/ORG/backup-check/releases}"
  GH_REPO="${GH_REPO:-ORG/backup-check}"
  while [ $# -gt 0 ]; do
    case "$1" in
      --version | --to) [ $# -gt 1 ] || fail "$1 needs a value" ;;
      *) fail "unknown argument $1; expected --version TAG or --to FOLDER" ;;
    esac
    if [ "$1" = --version ]; then version="$2"; else to="$2"; fi
    shift 2
  done
  case "$version" in
    latest) ;;
    *[!0-9A-Za-z.+-]* | [!v]* | '') fail "version must be latest or a tag such as v1.2.3" ;;
  esac
  case "$to" in /* | [A-Za-z]:*) ;; *) to="$PWD/$to" ;; esac
  target="$(name_target)"
  [ -n "$target" ] || fail "no release for $(uname -s) on $(uname -m)"
  archive="backup-check-$target.tar.gz"
  program=backup-check
  case "$target" in *-windows-*) archive="backup-check-$target.zip" program=backup-check.exe ;; esac

  folder="$(mktemp -d)"
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  cd "$folder"
  for file in "$archive" SHA256SUMS; do
    download "$file" || fail "failed to download $file of release $version"
  done
  verify "$archive"
  case "$archive" in
    *.zip) unzip -q "$archive" ;;
    *) tar -xzf "$archive" ;;
  esac
  cd "backup-check-$target"
  ./"$program" --version
  place "$program" "bin/$program"
  place backup-check.1 share/man/man1/backup-check.1
  place completions/backup-check.bash share/bash-completion/completions/backup-check
  place completions/_backup-check share/zsh/site-functions/_backup-check
  place completions/backup-check.fish share/fish/vendor_completions.d/backup-check.fish
  echo "installed $to/bin/$program"
  case ":$PATH:" in
    *":$to/bin:"*) ;;
    *) echo "$to/bin is not in PATH" ;;
  esac
}

# The last line: a download that was cut short runs nothing.
main "$@"
