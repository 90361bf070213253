// Package paymint_test holds the rules that keep the house whole: who may import whom, how big a piece may be, which
// words say nothing, and where the outside world may be touched. They are tests because a rule that lives in a document
// is broken by the first hurried change.
//
//	cmd ──────────────► everything
//	http, reactions ──► commands, projections ──► domain, eventstore
//	gateways ─────────► vault ──────────────────► domain
//
// This file is the tables; arch_tree_test.go reads the tree, arch_rules_test.go applies them to it, and
// arch_proof_test.go breaks each rule on a small made-up tree, so that a rule that stopped biting is noticed.
package paymint_test

import (
	"os"
	"testing"
)

// module is the import path of the tree's root.
const module = "github.com/paymint/paymint"

// A rule is broken in one of three ways: the code is wrong (mend it), the table lacks a room that is new (add a row, and
// say in docs/decisions why the room exists), or the rule is wrong (change it there first, then here).
var house = rules{
	// The rooms (first element of the path) and what each may import of ours, besides itself.
	rooms: map[string][]string{
		"domain":      {},
		"eventstore":  {},
		"migrations":  {},
		"vault":       {"domain"},
		"gateways":    {"domain", "vault"},
		"commands":    {"domain", "eventstore"},
		"projections": {"domain", "eventstore"},
		"reactions":   {"commands", "projections", "domain", "eventstore"},
		"http":        {"commands", "projections", "domain"},
		"cmd":         {"http", "reactions", "commands", "projections", "gateways", "vault", "domain", "eventstore", "migrations"},
		"deploy":      {},
	},

	// What tests (and packages made for tests, named …test) may import beyond their room's row: the real PostgreSQL and
	// NATS with their tables, the values they pass around, and below that only what they drive.
	testsToo: map[string][]string{
		"eventstore":  {"domain", "migrations"},
		"vault":       {"eventstore", "migrations"},
		"gateways":    {"eventstore", "migrations"},
		"commands":    {"migrations", "gateways"},
		"projections": {"migrations"},
		"reactions":   {"migrations", "gateways"},
		"http":        {"eventstore", "migrations", "gateways"},
		"migrations":  {"eventstore"},
	},

	// In these rooms every part stands beside the others: a part may import its room, never a neighbour, and the room
	// none of its parts, so any one of them can be replaced or removed alone. Named with a room are its parts that all
	// others may use.
	partsApart: map[string][]string{
		"eventstore":  {"eventstore/failpoint"},
		"projections": {},
		"reactions":   {},
		"gateways":    {},
	},

	// Libraries, and parts of ours, with a home. Everybody else meets them through an interface of their own.
	homes: []home{
		{library: "github.com/labstack/echo", rooms: []string{"http", "cmd/bench"}, why: "the framework is the counter's business and will be replaced one day (the benchmark holds a bare route against it)"},
		{library: "github.com/jackc/pgx", rooms: []string{"eventstore", "projections", "reactions", "vault", "gateways/sandbox", "migrations", "cmd"}, why: "SQL lives next to its only caller, in the rooms that own tables"},
		{library: "github.com/nats-io", rooms: []string{"eventstore", "projections", "reactions", "cmd"}, why: "the broker carries; only the relay and the followers speak to it"},
		{library: module + "/eventstore/embedded", rooms: []string{"eventstore/embedded", "cmd"}, why: "who starts and stops servers is the door's business"},
		{library: "github.com/go-json-experiment/json", rooms: []string{"domain", "http/strictjson"}, why: "one place sets how strictly outside bytes are read, the codecs of events set how they are written"},
		{library: "github.com/spf13/cobra", rooms: []string{"cmd"}, why: "the door alone has a command line"},
		{library: "github.com/caarlos0/env", rooms: []string{"cmd"}, why: "the door alone reads the environment"},
	},

	// The rules of payments are pure: same state and command, same events, on any machine, in any year.
	pure: purity{
		rooms:   []string{"domain"},
		imports: []string{"context", "crypto/rand", "database/sql", "log", "math/rand", "net", "os", "github.com/labstack", "github.com/jackc", "github.com/nats-io", "github.com/prometheus", "go.opentelemetry.io"},
		calls: map[string][]string{
			"time":                   {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"},
			"github.com/google/uuid": {"New", "NewString", "NewRandom", "NewUUID", "NewV6", "NewV7"},
		},
	},

	// Money is never a float, nor is anything it passes through on its way.
	noFloats: []string{"domain", "commands", "eventstore", "vault", "gateways"},
	floatsAllowed: map[string]string{
		"eventstore/metrics.go":       "seconds and counts for Prometheus, no money",
		"eventstore/relay/metrics.go": "Prometheus speaks in floats; positions and counts, no money",
	},

	functionLinesMax: 70,
	fileLinesMax:     500,
	// What is longer than that today, as "file" or "file:Function", with its size. It may only shrink, and leaves the
	// list when it fits.
	oversize: map[string]int{},

	emptyWords: []string{"util", "common", "helper", "manager", "service", "impl", "dto"},
	// Names that carry one of those words because somebody else's standard does: "file", or "file:Name", with the source.
	wordsAllowed: map[string]string{},
}

func TestTheHouseKeepsItsRules(t *testing.T) {
	t.Parallel()
	tree, err := readTree(os.DirFS("."))
	if err != nil {
		t.Fatalf("read the tree: %v", err)
	}
	if len(tree) == 0 {
		t.Fatal("no Go files found: the rules were applied to nothing")
	}
	for name, check := range house.checks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, finding := range check(tree) {
				t.Error(finding)
			}
		})
	}
}
