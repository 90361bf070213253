#!/usr/bin/env bash
# Prints the path of a developer tool, building it first when this machine has not got it yet.
#
#   golangci=$(scripts/tool.sh golangci-lint)
#   redocly=$(scripts/tool.sh redocly)
#
# Versions are pinned in tools/: Go tools in go.mod, npm tools in package-lock.json. What is built lands in a cache
# outside the tree, keyed by version, so a clean clone on the same machine builds nothing again (golangci-lint takes
# two minutes). A build goes to a folder of its own and is moved into place at the end: a build cut short leaves no
# half tool behind, and two builds at once end with the same result.
set -euo pipefail

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/../tools" && pwd)
cache=${PAYMINT_TOOLS:-${XDG_CACHE_HOME:-${HOME:?is not set, so there is no place for tools}/.cache}/paymint/tools}

say() { printf '%s\n' "$*" >&2; }

# settle FROM TO: moves a finished build into place, unless another build got there first.
settle() {
  if [[ -e $2 ]]; then rm -rf "$1"; else mv "$1" "$2"; fi
}

# go_tool NAME PACKAGE MODULE
go_tool() {
  local name=$1 package=$2 module=$3 version platform home building
  version=$(cd "$tools" && GOFLAGS=-mod=mod go list -m -f '{{.Version}}' "$module")
  platform=$(go env GOVERSION)-$(go env GOOS)-$(go env GOARCH)
  home=$cache/$name-$version-$platform
  if [[ ! -x $home/$name ]]; then
    say "building $name $version once (kept in $home)"
    mkdir -p "$cache"
    building=$(mktemp -d "$cache/.building.XXXXXX")
    (cd "$tools" && go build -trimpath -o "$building/$name" "$package")
    settle "$building" "$home"
  fi
  printf '%s\n' "$home/$name"
}

# npm_tool NAME: a command of one of the packages that tools/package.json pins.
npm_tool() {
  local name=$1 home building
  home=$cache/npm-$(cksum <"$tools/package-lock.json" | cut -d' ' -f1)
  if [[ ! -x $home/node_modules/.bin/$name ]]; then
    say "installing $name once (kept in $home)"
    mkdir -p "$cache"
    building=$(mktemp -d "$cache/.building.XXXXXX")
    cp "$tools/package.json" "$tools/package-lock.json" "$building/"
    (cd "$building" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
    settle "$building" "$home"
  fi
  printf '%s\n' "$home/node_modules/.bin/$name"
}

case ${1:-} in
  golangci-lint) go_tool golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint github.com/golangci/golangci-lint/v2 ;;
  govulncheck) go_tool govulncheck golang.org/x/vuln/cmd/govulncheck golang.org/x/vuln ;;
  redocly | spectral) npm_tool "$1" ;;
  *)
    say "usage: scripts/tool.sh golangci-lint|govulncheck|redocly|spectral"
    exit 2
    ;;
esac
