package commands

import (
	"slices"

	"github.com/sony/gobreaker/v2"
)

// Unreachable names the gateways that are left alone at the moment because their
// calls failed, in alphabetical order.
func (d *Desk) Unreachable() []string {
	var names []string
	for name, l := range d.links {
		if l.breaker.State() == gobreaker.StateOpen {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
