package embedded

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const secretName = "secret"

// loadSecret returns the random bytes that every role's password is derived from, made on first use. They are durable
// before initdb starts, so a cluster never exists without its key.
func loadSecret(dir string) ([]byte, error) {
	path := filepath.Join(dir, secretName)
	secret, err := os.ReadFile(path)
	if err == nil {
		return secret, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, dataName)); err == nil {
		return nil, fmt.Errorf("%s is missing: without it nobody can log in to the database in %s", path, dir)
	}
	secret = []byte(rand.Text() + rand.Text())
	return secret, writeDurably(path, secret)
}

// password gives each role its own: knowing one role's does not open another's.
func password(secret []byte, role string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("postgresql role " + role))
	return hex.EncodeToString(mac.Sum(nil)[:20])
}

// writeDurably replaces path as a whole: after a crash it holds the old content or the new, never a part.
func writeDurably(path string, content []byte) error {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return RenameDurably(temporary, path)
}

// RenameDurably returns once the new name would survive a power cut.
func RenameDurably(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
