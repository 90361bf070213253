package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the operating system's user that postgres runs as: ourselves, or for root somebody ordinary, because
// postgres refuses to run as root.
type account struct {
	name     string
	uid, gid uint32
	drop     bool // we are root and become this user for the child
}

// movedRoot holds the clusters of a root whose own folder is closed to ordinary users (/root, mode 0700).
const movedRoot = "/var/lib/paymint"

// accountFor picks the user for the cluster in dir. Data that exists decides: postgres insists on owning it.
func accountFor(dir string) (account, error) {
	if os.Geteuid() != 0 {
		return account{name: strconv.Itoa(os.Geteuid()), uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, nil
	}
	for _, place := range []string{dir, movedPlace(dir)} {
		info, err := os.Stat(filepath.Join(place, dataName))
		if err != nil {
			continue
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			return account{name: strconv.Itoa(int(owner.Uid)), uid: owner.Uid, gid: owner.Gid, drop: true}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		entry, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(entry.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(entry.Gid, 10, 32)
		if uidErr == nil && gidErr == nil {
			return account{name: name, uid: uint32(uid), gid: uint32(gid), drop: true}, nil
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and this system has neither a user postgres nor nobody to run it as")
}

// place makes the folder for the cluster and returns where it is: dir itself, or below movedRoot where the account
// cannot reach dir. Once a cluster exists somewhere it is always found there, whatever permissions become later.
func (a account) place(dir string, log *slog.Logger) (string, error) {
	if !a.drop {
		return dir, a.own(dir)
	}
	moved := movedPlace(dir)
	if _, err := os.Stat(filepath.Join(moved, dataName)); err == nil {
		return moved, a.own(moved)
	}
	if err := a.own(dir); err != nil {
		return "", err
	}
	if a.canEnter(dir) {
		return dir, nil
	}
	log.Warn("PostgreSQL's data is kept elsewhere: its user cannot reach the data folder", "user", a.name, "folder", dir, "data", moved)
	if err := os.MkdirAll(movedRoot, 0o755); err != nil {
		return "", err
	}
	return moved, a.own(moved)
}

func movedPlace(dir string) string { return filepath.Join(movedRoot, shortHash(dir)) }

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// own makes dir a private folder of the account.
func (a account) own(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder for PostgreSQL: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("make folder for PostgreSQL: %w", err)
	}
	return a.give(dir)
}

// give hands one file or folder to the account.
func (a account) give(path string) error {
	if !a.drop {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// canEnter asks the kernel, not the permission bits: lists of access rights and mounts count as well.
func (a account) canEnter(dir string) bool {
	cmd := exec.Command("/bin/sh", "-c", `cd "$1"`, "sh", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = a.attributes()
	return cmd.Run() == nil
}

// attributes start a child as the account, in a session of its own so that Ctrl-C in a terminal reaches only us.
func (a account) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setsid: true}
	if a.drop {
		attributes.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attributes
}
