package payments

import (
	"testing"

	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }
