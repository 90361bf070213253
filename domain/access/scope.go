package access

import (
	"fmt"
	"math/bits"
)

// Scope is a right that a key can carry.
type Scope string

// The scopes of the API.
const (
	PaymentsRead   Scope = "payments:read"
	PaymentsWrite  Scope = "payments:write" // implies payments:read
	RefundsWrite   Scope = "refunds:write"
	DisputesRead   Scope = "disputes:read"
	DisputesWrite  Scope = "disputes:write" // implies disputes:read
	CustomersRead  Scope = "customers:read"
	CustomersWrite Scope = "customers:write" // customers and payment methods; implies customers:read
	MerchantAdmin  Scope = "merchant:admin"  // all of its own merchant
	FinanceRead    Scope = "finance:read"
	AuditRead      Scope = "audit:read"
	PlatformAdmin  Scope = "platform:admin" // everything
)

// order fixes the bit of each scope within a process; what is stored are names.
var order = [...]Scope{
	PaymentsRead, PaymentsWrite, RefundsWrite, DisputesRead, DisputesWrite, CustomersRead, CustomersWrite,
	MerchantAdmin, FinanceRead, AuditRead, PlatformAdmin,
}

// Scopes is a set of scopes with all that they imply.
type Scopes uint16

const (
	allScopes      = Scopes(1)<<len(order) - 1
	merchantScopes = allScopes >> 1 // all but the last, platform:admin
)

// ScopesOf makes a set; an unknown name is an error.
func ScopesOf(names ...Scope) (Scopes, error) {
	var set Scopes
	for _, name := range names {
		bit := bitOf(name)
		if bit == 0 {
			return 0, fmt.Errorf("unknown scope %q", name)
		}
		set |= bit | implied(name)
	}
	return set, nil
}

// Has reports whether s grants the scope; an unknown one it never does.
func (s Scopes) Has(scope Scope) bool { return s&bitOf(scope) != 0 }

// Within reports whether s grants nothing that other does not: a key may only
// hand on what it has.
func (s Scopes) Within(other Scopes) bool { return s&^other == 0 }

// List names what s grants, in the API's order.
func (s Scopes) List() []Scope {
	names := make([]Scope, 0, bits.OnesCount16(uint16(s)))
	for i, name := range order {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func bitOf(scope Scope) Scopes {
	for i, name := range order {
		if name == scope {
			return 1 << i
		}
	}
	return 0
}

func implied(scope Scope) Scopes {
	switch scope {
	case PaymentsWrite:
		return bitOf(PaymentsRead)
	case DisputesWrite:
		return bitOf(DisputesRead)
	case CustomersWrite:
		return bitOf(CustomersRead)
	case MerchantAdmin:
		return merchantScopes
	case PlatformAdmin:
		return allScopes
	default:
		return 0
	}
}
