#!/usr/bin/env bash
# Runs every fuzz target of the tree, one after the other, each for the given time.
#
#   scripts/fuzz.sh 10s
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

time=${1:?usage: scripts/fuzz.sh TIME}
ran=0
while IFS=: read -r file target; do
  echo "== $target ($(dirname "$file"), $time)"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")"
  ran=$((ran + 1))
done < <(git ls-files -co --exclude-standard -- '*_test.go' | xargs grep -HoE '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //')

if ((ran == 0)); then
  echo "no fuzz target found" >&2
  exit 1
fi
echo "== $ran fuzz targets, nothing found"
