package embedded

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a pretended computer: binaries below root that answer --version by the folder they are in.
func machine(t *testing.T, goos string, programs []string, bindirs ...string) finder {
	t.Helper()
	root := t.TempDir()
	for _, bindir := range bindirs {
		dir := filepath.Join(root, bindir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, program := range []string{"postgres", "initdb"} {
			if err := os.WriteFile(filepath.Join(dir, program), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	return finder{
		goos:  goos,
		root:  root,
		cache: filepath.Join(root, "cache"),
		look: func(program string) (string, error) {
			for _, known := range programs {
				if known == program {
					return "/usr/bin/" + program, nil
				}
			}
			return "", exec.ErrNotFound
		},
		run: func(program string, _ ...string) (string, error) {
			version := filepath.Base(filepath.Dir(filepath.Dir(program)))
			return "postgres (PostgreSQL) " + version + ".4 (Debian)", nil
		},
	}
}

func TestWithoutPostgresOneLineNamesTheInstallCommand(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, goos string
		programs   []string
		command    string
	}{
		{"Debian", "linux", []string{"apt-get"}, "sudo apt-get install -y postgresql"},
		{"Fedora", "linux", []string{"dnf"}, "sudo dnf install -y postgresql-server"},
		{"Alpine", "linux", []string{"apk"}, "sudo apk add postgresql"},
		{"macOS", "darwin", nil, "brew install postgresql@17"},
		{"unknown", "linux", nil, "postgresql"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := machine(t, test.goos, test.programs).find("", 0)
			if !errors.Is(err, ErrNoPostgres) {
				t.Fatalf("error %v, want ErrNoPostgres", err)
			}
			if !strings.Contains(err.Error(), test.command) || strings.Contains(err.Error(), "\n") {
				t.Errorf("message %q, want one line with %q", err, test.command)
			}
		})
	}
}

func TestNewestSupportedVersionIsFound(t *testing.T) {
	t.Parallel()
	f := machine(t, "linux", nil,
		"usr/lib/postgresql/9/bin", "usr/lib/postgresql/15/bin", "usr/lib/postgresql/17/bin", "usr/lib/postgresql/99/bin")
	dir, version, err := f.find("", 0)
	if err != nil || version != 17 || !strings.HasSuffix(dir, "/17/bin") {
		t.Errorf("found %s version %d, error %v; want 17", dir, version, err)
	}
}

func TestDataDecidesTheVersion(t *testing.T) {
	t.Parallel()
	f := machine(t, "linux", []string{"apt-get"}, "usr/lib/postgresql/15/bin", "usr/lib/postgresql/17/bin")
	if _, version, err := f.find("", 15); err != nil || version != 15 {
		t.Errorf("version %d, error %v; want the data's own 15", version, err)
	}
	_, _, err := f.find("", 16)
	if !errors.Is(err, ErrNoPostgres) || !strings.Contains(err.Error(), "postgresql-16") {
		t.Errorf("error %v, want the package of the data's version", err)
	}
}

func TestTooOldIsNotUsedAndSaidSo(t *testing.T) {
	t.Parallel()
	f := machine(t, "linux", []string{"apt-get"}, "usr/lib/postgresql/13/bin")
	if _, _, err := f.find("", 0); err == nil || !strings.Contains(err.Error(), "PostgreSQL 13") {
		t.Errorf("error %v, want it to name version 13", err)
	}
}

func TestFetchedCopyIsTheLastResort(t *testing.T) {
	t.Parallel()
	f := machine(t, "linux", nil, "cache/paymint/postgres/bin")
	f.run = func(string, ...string) (string, error) { return "postgres (PostgreSQL) 18beta4", nil }
	dir, version, err := f.find("", 0)
	if err != nil || version != 18 || dir != filepath.Join(f.cache, "paymint/postgres/bin") {
		t.Errorf("found %s version %d, error %v; want the fetched copy", dir, version, err)
	}
}

func TestExplicitFolderIsTheOnlyOneLookedAt(t *testing.T) {
	t.Parallel()
	f := machine(t, "linux", nil, "usr/lib/postgresql/17/bin", "opt/16/bin")
	if _, version, err := f.find(filepath.Join(f.root, "opt/16/bin"), 0); err != nil || version != 16 {
		t.Errorf("version %d, error %v; want the explicit 16", version, err)
	}
	if _, _, err := f.find(filepath.Join(f.root, "nowhere"), 0); err == nil {
		t.Error("an explicit folder without binaries was passed over silently")
	}
}

func TestThisMachineHasPostgres(t *testing.T) {
	t.Parallel()
	dir, version, err := FindPostgres(os.Getenv("PAYMINT_POSTGRES_BIN"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("PostgreSQL %d in %s", version, dir)
}
