#!/usr/bin/env bash
# Says whether the tree is whole: modules as published, go.mod tidy, Go files formatted, generated files current, the
# architecture kept. Changes nothing: generators run in a copy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*"; }

# list PATTERN…: the tree's files, committed or about to be, that are still there.
list() {
  git ls-files -z -co --exclude-standard -- "$@" | while IFS= read -r -d '' file; do
    [[ -f $file ]] && printf '%s\0' "$file"
  done || true
}

say "modules are what was published"
go mod verify

say "go.mod and go.sum name what is used"
go mod tidy -diff

say "Go files are formatted"
unformatted=$(list '*.go' | xargs -0 gofmt -l)
if [[ -n $unformatted ]]; then
  printf 'run gofmt -w on:\n%s\n' "$unformatted" >&2
  exit 1
fi

say "generated files are current"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/before" "$copy/after"
list . | tar -c --null -T - | tee >(tar -x -C "$copy/before") | tar -x -C "$copy/after"
(cd "$copy/after" && go generate ./...)
if ! diff -r -q "$copy/before" "$copy/after"; then
  echo "run make generate and commit what changed" >&2
  exit 1
fi

say "the architecture is kept"
go test -count=1 .
