package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Versions this launcher is tested with or knows no reason against. 14 lacks what the schema uses.
const (
	versionMin = 15
	versionMax = 18
)

// ErrNoPostgres says that no usable PostgreSQL binaries were found. The error that wraps it is a *NoPostgresError.
var ErrNoPostgres = errors.New("no usable PostgreSQL found")

// NoPostgresError is one line for a person: what is missing and the command that installs it.
type NoPostgresError struct {
	Reason  string // what was looked for, or what was found and does not fit
	Install string // a shell command for this operating system
}

func (e *NoPostgresError) Error() string {
	return fmt.Sprintf("%s; install it with: %s", e.Reason, e.Install)
}

// Unwrap lets errors.Is find ErrNoPostgres.
func (e *NoPostgresError) Unwrap() error { return ErrNoPostgres }

// FindPostgres returns the folder that holds postgres and initdb, and their major version.
//
// An explicit folder is the only one looked at. Otherwise: pg_config's folder, the newest of the folders that
// packages use on this system (Debian, Red Hat, Homebrew, Postgres.app), then the copy that
// scripts/setup-postgres.sh fetches where it may not install anything. A folder of an unsupported version is passed
// over. Nothing usable gives a *NoPostgresError.
func FindPostgres(explicit string) (bindir string, version int, err error) {
	return systemFinder().find(explicit, 0)
}

// finder searches one machine; tests give it another root.
type finder struct {
	goos  string
	root  string // "" outside tests
	cache string // the user's cache folder
	look  func(program string) (string, error)
	run   func(program string, args ...string) (string, error)
}

func systemFinder() finder {
	cache, _ := os.UserCacheDir() // without a home there is no fetched copy either
	return finder{goos: runtime.GOOS, cache: cache, look: exec.LookPath, run: output}
}

func output(program string, args ...string) (string, error) {
	text, err := exec.Command(program, args...).Output()
	return strings.TrimSpace(string(text)), err
}

// find returns the first folder that fits; want is the version an existing data folder needs, 0 for any.
func (f finder) find(explicit string, want int) (string, int, error) {
	if explicit != "" {
		version, err := f.version(explicit)
		if err != nil {
			return "", 0, fmt.Errorf("PostgreSQL in %s: %w", explicit, err)
		}
		if reason := unfit(version, want); reason != "" {
			return "", 0, &NoPostgresError{Reason: explicit + " " + reason, Install: f.install(want)}
		}
		return explicit, version, nil
	}
	reason := fmt.Sprintf("PostgreSQL %d or newer is needed and was not found", versionMin)
	for _, dir := range f.candidates() {
		version, err := f.version(dir)
		if err != nil {
			continue
		}
		if why := unfit(version, want); why != "" {
			reason = dir + " " + why
			continue
		}
		return dir, version, nil
	}
	return "", 0, &NoPostgresError{Reason: reason, Install: f.install(want)}
}

func unfit(version, want int) string {
	switch {
	case want != 0 && version != want:
		return fmt.Sprintf("is PostgreSQL %d, but the data folder was made by PostgreSQL %d", version, want)
	case version < versionMin || version > versionMax:
		return fmt.Sprintf("is PostgreSQL %d; versions %d to %d are supported", version, versionMin, versionMax)
	}
	return ""
}

// candidates lists folders in the order of trust; they need not exist.
func (f finder) candidates() []string {
	var dirs []string
	if config, err := f.look("pg_config"); err == nil {
		if dir, err := f.run(config, "--bindir"); err == nil {
			dirs = append(dirs, dir)
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		found, _ := filepath.Glob(f.root + pattern)
		slices.SortFunc(found, func(a, b string) int { return cmp.Compare(numberIn(b), numberIn(a)) })
		dirs = append(dirs, found...)
	}
	for _, plain := range []string{"/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"} {
		dirs = append(dirs, f.root+plain)
	}
	if f.cache != "" {
		dirs = append(dirs, filepath.Join(f.cache, "paymint", "postgres", "bin"))
	}
	return dirs
}

var (
	pathNumber    = regexp.MustCompile(`(?:/|-|@)(\d+)(?:\.\d+)?/bin$`)
	versionNumber = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)
)

func numberIn(dir string) int {
	match := pathNumber.FindStringSubmatch(dir)
	if match == nil {
		return 0
	}
	n, _ := strconv.Atoi(match[1])
	return n
}

// version asks the server binary itself: folder names lie after upgrades.
func (f finder) version(dir string) (int, error) {
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			return 0, err
		}
	}
	text, err := f.run(filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return 0, fmt.Errorf("run postgres --version: %w", err)
	}
	match := versionNumber.FindStringSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("postgres --version answered %q", text)
	}
	return strconv.Atoi(match[1])
}

// install is the one command that brings PostgreSQL here; want pins a version, 0 takes the system's own.
func (f finder) install(want int) string {
	pinned := func(base, separator string) string {
		if want == 0 {
			return base
		}
		return fmt.Sprintf("%s%s%d", base, separator, want)
	}
	if f.goos == "darwin" {
		return "brew install postgresql@" + strconv.Itoa(cmp.Or(want, 17))
	}
	for _, manager := range []struct{ program, command string }{
		{"apt-get", "sudo apt-get install -y " + pinned("postgresql", "-")},
		{"dnf", "sudo dnf install -y postgresql-server"},
		{"apk", "sudo apk add " + pinned("postgresql", "")},
		{"pacman", "sudo pacman -S postgresql"},
		{"zypper", "sudo zypper install -y " + pinned("postgresql", "") + "-server"},
		{"brew", "brew install postgresql@" + strconv.Itoa(cmp.Or(want, 17))},
	} {
		if _, err := f.look(manager.program); err == nil {
			return manager.command
		}
	}
	return "sudo apt-get install -y postgresql (or your system's package of PostgreSQL)"
}
