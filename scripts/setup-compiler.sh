#!/usr/bin/env bash
# Makes sure there is a C compiler, which Go's race detector needs; installs Debian's where it can.
set -euo pipefail

command -v "$(go env CC)" >/dev/null && exit 0

install=(apt-get install -y --no-install-recommends gcc libc6-dev)
if ! command -v apt-get >/dev/null; then
  echo "the race detector needs a C compiler: install one (macOS: xcode-select --install) and run make again" >&2
  exit 1
fi
sudo=()
if [[ $(id -u) != 0 ]]; then
  if ! sudo -n true 2>/dev/null; then
    echo "the race detector needs a C compiler: sudo ${install[*]}" >&2
    exit 1
  fi
  sudo=(sudo -n)
fi
echo "installing a C compiler for the race detector" >&2
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" "${install[@]}" >/dev/null
