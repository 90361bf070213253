// Package embeddedtest gives tests a real PostgreSQL and a real NATS, started by the code that one-command mode uses.
//
// A package that uses it has one line of set-up:
//
//	func TestMain(m *testing.M) { embeddedtest.Main(m) }
//
// The first test that asks for a database starts one throwaway cluster for the whole test binary; Main ends it. Each
// test gets a database of its own, copied from a template that the package's migrations made once, so tests run in
// parallel and see nobody else's rows.
//
// PAYMINT_TEST_DATABASE_URL names a server to use instead (its role must be allowed to create databases);
// PAYMINT_POSTGRES_BIN names the binaries.
package embeddedtest
