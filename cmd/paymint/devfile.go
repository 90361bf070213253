package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/paymint/paymint/eventstore/embedded"
)

// devFile is what `paymint up` tells scripts: DIR/dev.json.
type devFile struct {
	BaseURL        string `json:"base_url"`
	VaultURL       string `json:"vault_url"`
	MerchantID     string `json:"merchant_id"`
	SecretKey      string `json:"secret_key"`
	PublishableKey string `json:"publishable_key"`
	PlatformKey    string `json:"platform_key"`
}

// runFile is how other paymint commands reach the services of the process that
// runs on the folder: DIR/run.json, there as long as the services are. It holds passwords, so only its owner reads it.
type runFile struct {
	PID         int    `json:"pid"`
	DatabaseURL string `json:"database_url"`
	OwnerURL    string `json:"owner_url"` // migrations and rebuilds
	NATSURL     string `json:"nats_url"`
}

const (
	devFileName = "dev.json"
	runFileName = "run.json"
)

// writeFile replaces DIR/name by v in one step: a reader, or a crash here, finds
// the old file or the new one, whole.
func writeFile(dir, name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	fresh, err := os.CreateTemp(dir, name+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = fresh.Write(append(text, '\n'))
	if err == nil {
		err = fresh.Sync()
	}
	if closing := fresh.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = embedded.RenameDurably(fresh.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		_ = os.Remove(fresh.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// readFile reads what writeFile wrote; os.ErrNotExist when there is none.
func readFile(dir, name string, v any) error {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own data folder
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s is damaged (%w); move it away and start again", path, err)
	}
	return nil
}
