package payments

import (
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/projections"
)

// upsert is rows as columns, the shape unnest wants.
type upsert struct {
	groups      []int64
	amounts     []int64
	due         []*time.Time
	versions    []int32
	lanes       []int16
	livemodes   []bool
	merchants   [][16]byte
	ids         [][16]byte
	customers   []*[16]byte
	idempotency []*int64
	states      [][]byte
}

func (u *upsert) add(change *projections.Change[Resource], group int64) {
	r := change.New
	u.groups = append(u.groups, group)
	u.amounts = append(u.amounts, r.Amount)
	u.versions = append(u.versions, int32(r.Version))
	u.lanes = append(u.lanes, int16(change.Lane))
	u.livemodes = append(u.livemodes, r.Livemode)
	u.merchants = append(u.merchants, r.Merchant.UUID())
	u.ids = append(u.ids, change.Stream)
	u.states = append(u.states, r.encode(make([]byte, 0, 384)))
	var due *time.Time
	if at := dueAt(&r.state); !at.IsZero() {
		due = &at
	}
	u.due = append(u.due, due)
	var customer *[16]byte
	if c := [16]byte(r.Customer.UUID()); c != uuid.Nil {
		customer = &c
	}
	u.customers = append(u.customers, customer)
	var key *int64
	if r.IdempotencyKey != "" {
		d := digest(r.Merchant.UUID(), r.Livemode, r.IdempotencyKey)
		key = &d
	}
	u.idempotency = append(u.idempotency, key)
}

func (u *upsert) arguments() []any {
	return []any{u.groups, u.amounts, u.due, u.versions, u.lanes, u.livemodes, u.merchants, u.ids, u.customers, u.idempotency, u.states}
}
