package embedded

import (
	"slices"
	"testing"
)

func TestAChildInheritsNoSecretsAndNoLocale(t *testing.T) {
	t.Parallel()
	got := cleanEnvironment([]string{
		"PATH=/bin", "HOME=/root", "TMPDIR=/var/tmp", "TZ=UTC", "PATHOLOGY=1",
		"PAYMINT_PEPPER=s3cret", "DATABASE_URL=postgres://u:s3cret@h/d", "AWS_SECRET_ACCESS_KEY=s3cret",
		"PGOPTIONS=-c fsync=off", "LANG=de_DE.UTF-8", "LC_ALL=de_DE.UTF-8", "empty",
	})
	want := []string{"PATH=/bin", "HOME=/root", "TMPDIR=/var/tmp", "TZ=UTC", "LC_ALL=C"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
