#!/usr/bin/env bash
# Runs the fault tests (names with Fault or Kill) in the build that has failpoints, and says which ran.
#
#   scripts/faults.sh ROUNDS [PACKAGE…]
#
# ROUNDS reaches the tests as PAYMINT_FAULT_ROUNDS: how often a test repeats what it breaks, 20 for minutes, 1,000 for
# hours. Without PACKAGE the packages that have such tests are run, one after the other: a process that must be ready in
# time does not compete with another package's load. That nothing ran is a failure: a drill nobody held proves nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${1:?usage: scripts/faults.sh ROUNDS [PACKAGE…]}
shift
if (($# == 0)); then
  mapfile -t packages < <(grep -rlE --include='*_test.go' '^func Test[A-Za-z0-9]*(Fault|Kill)' . | xargs -r -n1 dirname | sort -u)
  set -- "${packages[@]}"
fi
export PAYMINT_FAULT_ROUNDS=$rounds
log=$(mktemp)
trap 'rm -f "$log"' EXIT

echo "== fault tests, $rounds rounds each"
status=0
go test -tags failpoints -run 'Fault|Kill' -count=1 -p 1 -timeout 12h -v "$@" >"$log" 2>&1 || status=$?

grep -E '^ *--- (PASS|FAIL)' "$log" || true
grep -B1 -E '^ *--- SKIP' "$log" || true # the line before says why
ran=$(grep -cE '^--- (PASS|FAIL)' "$log" || true)
skipped=$(grep -cE '^ *--- SKIP' "$log" || true)
if ((status != 0)); then
  printf '\n== what failed said\n'
  grep -vE '^(=== |ok  |\?  |testing: warning)' "$log" || true
  exit "$status"
fi
if ((ran == 0)); then
  echo "no fault test ran" >&2
  exit 1
fi
printf '== %s fault tests held, %s skipped, %s rounds each\n' "$ran" "$skipped" "$rounds"
