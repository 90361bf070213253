// Package access is who may do what: API keys, their scopes, and the principal
// that a verified key stands for.
//
//	issued ──► revoked (for good)
//
// A key's secret is shown once. The log keeps a keyed digest by which it is found,
// an Argon2id hash by which it is verified, and its masked form. Making the
// randomness and computing the hash is the issuer's business; here are the format
// and the rules.
package access

import "github.com/paymint/paymint/domain/id"

// Principal is who a verified request acts for. The zero value may do nothing.
type Principal struct {
	Merchant  id.Merchant // zero for a platform key that is bound to none
	Livemode  bool
	Key       id.Key
	KeyPrefix string // masked form, for the audit trail: sk_live_…1a2b
	Kind      Kind
	Scopes    Scopes
	Platform  bool // holds platform:admin
	Lane      int  // of the merchant
}

// May reports whether the principal holds the scope.
func (p Principal) May(scope Scope) bool { return p.Scopes.Has(scope) }

// Kind is the sort of a key, which its first letters tell.
type Kind string

// The kinds. A publishable key carries no scope: it may only tokenize. A secret
// key of the platform is a secret key with platform:admin.
const (
	KindSecret      Kind = "sk"
	KindPublishable Kind = "pk"
	KindRestricted  Kind = "rk"
)
