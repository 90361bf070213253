// Package tools pins what builds and judges Paymint but is no part of it, in a module of its own, so that none of it
// reaches the product's go.mod: Go tools in go.mod, npm tools in package-lock.json (scripts/tool.sh runs both), and the
// tests of docker-compose.yml, which read it with the loader that docker compose itself uses.
package tools
