#!/usr/bin/env bash
# Runs once, inside the PostgreSQL image, on an empty database: makes the login of Paymint's servers. What they may do
# they get from the group roles, to which the migrations grant it; the owner (POSTGRES_USER) migrates.
set -euo pipefail

password=$(</run/secrets/server_password)
psql --set=ON_ERROR_STOP=1 --no-psqlrc --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --set=password="$password" <<'SQL'
CREATE ROLE paymint_app NOLOGIN;
CREATE ROLE paymint_projector NOLOGIN;
CREATE ROLE paymint_auditor NOLOGIN;
CREATE ROLE paymint_server LOGIN PASSWORD :'password' IN ROLE paymint_app, paymint_projector, paymint_auditor;
SQL
