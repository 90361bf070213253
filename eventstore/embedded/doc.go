// Package embedded runs the two servers that one-command mode and every test need: a private PostgreSQL cluster, as
// a child process made from locally installed binaries, and a NATS server with JetStream inside this process.
//
// PostgreSQL is the truth, so its life is guarded at each step:
//
//	  ┌── nothing ──┐ initdb beside, fsync, rename
//	  ▼             │
//	data ── orphan of a killed run? SIGINT, wait, SIGQUIT ──► stopped
//	  │                                                          │
//	  └──────────────► postgres -D data -c … ◄───────────────────┘
//	                      │        ▲
//	        exits by itself        │ back-off 100 ms … 2 s
//	                      └────────┘
//
// A power cut or kill -9 at any arrow leaves a folder the next start understands. NATS only carries what PostgreSQL
// already keeps; its store may be wiped and is filled again by the relay.
//
// Nothing here listens beyond loopback. Each server folder has a lock of its own, so two processes never share one.
package embedded
