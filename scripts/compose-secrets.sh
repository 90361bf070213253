#!/usr/bin/env bash
# Makes the secrets docker-compose.yml mounts, once; what exists is kept, because the database already knows it.
#
# The folder is closed to everyone but you. The files in it are readable, because inside the containers they are read by
# users who are not you, and an engine mounts such files with the rights they have here.
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/deploy/secrets
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

# secret NAME: 32 random bytes in hexadecimal.
secret() {
  [[ -s $1 ]] || head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$1"
}

# login NAME USER: a password, and the URL by which that user reaches the database.
login() {
  secret "$1_password"
  printf 'postgres://%s:%s@postgres:5432/paymint?sslmode=disable\n' "$2" "$(<"$1_password")" >"$1_url"
}

login owner paymint
login server paymint_server
secret pepper
secret cursor_key
chmod 644 -- *
echo "secrets are in $folder" >&2
