#!/usr/bin/env bash
# Installs the Debian packages that some tests use (foreign writers: the sqlite3 shell and Python; Chromium for the
# page; a file system that folds names), where that is possible:
# as root on Debian. Elsewhere those tests are skipped and say so. Prints nothing when all is there.
set -eu
missing=()
command -v sqlite3 >/dev/null 2>&1 || missing+=(sqlite3)
command -v python3 >/dev/null 2>&1 || missing+=(python3)
command -v openssl >/dev/null 2>&1 || missing+=(openssl)
command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing+=(chromium)
[ -e /dev/fuse ] && ! command -v mount.exfat-fuse >/dev/null 2>&1 && missing+=(exfat-fuse exfatprogs)
[ "${#missing[@]}" -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "tests that need ${missing[*]} will be skipped (not root on Debian)"
  exit 0
fi
echo "installing for the tests: ${missing[*]}"
{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1 ||
  echo "could not install ${missing[*]}; tests that need them will be skipped"
