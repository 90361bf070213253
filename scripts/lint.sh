#!/usr/bin/env bash
# Runs every linter, all of them even when one finds something, and fails if any did. What this machine cannot run is
# skipped with a line that says so; nothing is skipped in silence.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

failed=()
skip() { printf '\n!! SKIPPED %s: %s\n' "$1" "$2" >&2; }
step() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  "$@" || failed+=("$name")
}

go_code() {
  local golangci
  golangci=$(scripts/tool.sh golangci-lint) && "$golangci" run --allow-parallel-runners ./...
}

tools_module() { (cd tools && go vet ./... && go test ./...); }

shell_scripts() { git ls-files -z -co --exclude-standard -- '*.sh' .ci/run | xargs -0 shellcheck; }

openapi() {
  local redocly spectral
  redocly=$(scripts/tool.sh redocly) && spectral=$(scripts/tool.sh spectral) || return
  export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
  "$redocly" lint --config .redocly.yaml "$1" && "$spectral" lint --ruleset .spectral.yaml --fail-severity warn "$1"
}

# The database of vulnerabilities is on the network: out of reach is not the same as clean.
vulnerabilities() {
  local govulncheck output status=0
  govulncheck=$(scripts/tool.sh govulncheck) || return
  output=$("$govulncheck" ./... 2>&1) || status=$?
  if ((status != 0)) && grep -qE 'vuln\.go\.dev|dial tcp|no such host|fetching vulnerabilities' <<<"$output"; then
    skip "known vulnerabilities" "the database at vuln.go.dev cannot be reached from here"
    return 0
  fi
  printf '%s\n' "$output"
  return "$status"
}

step "Go code" go_code
step "tools and deployment files" tools_module

if command -v shellcheck >/dev/null; then
  step "shell scripts" shell_scripts
else
  skip "shell scripts" "shellcheck is not installed (apt-get install shellcheck, brew install shellcheck)"
fi

spec=http/openapi.yaml
if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'; then
  skip "OpenAPI" "Redocly and Spectral need npm and Node 20 or newer"
elif [[ ! -f $spec ]]; then
  skip "OpenAPI" "$spec is not there"
  failed+=("OpenAPI")
else
  step "OpenAPI" openapi "$spec"
fi

step "known vulnerabilities" vulnerabilities

if ((${#failed[@]})); then
  printf '\nlint: found something in: %s\n' "$(IFS=,; echo "${failed[*]}")" >&2
  exit 1
fi
printf '\nlint: clean\n'
