// Package api is the counter: the HTTP server that merchants' code speaks to.
//
//	conn ─► net/http ─► Echo (routing only) ─► exchange ─► handler ─► commands.Desk or a query
//	          │ limits, time-outs                 │ request id, version, key, rate, scope, body
//	          └ its own 400 and 431 are dressed   └ errors.go: one table, one translator
//
// Every route stands in one table (routes.go) with the scope it needs. A handler
// binds the request, makes one command or one query, and names the body; all that
// every request has in common happens in exchange.go, in one function instead of
// a chain of middleware, because each link of such a chain costs allocations on
// the hot path.
//
// openapi.yaml is the contract; tests hold it against the table and against every
// answer they provoke.
package api
