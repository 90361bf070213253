package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
)

// ownSecrets are the process-wide keys of an embedded installation: DIR/secrets.json,
// drawn once, readable by the owner alone.
type ownSecrets struct {
	Pepper    string `json:"pepper"`
	CursorKey string `json:"cursor_key"`
}

const (
	secretsFileName = "secrets.json"
	secretMin       = 32 // characters of a secret that the environment gives
)

// withOwnSecrets fills what the environment did not give. Losing the file makes
// every issued API key unknown, so it is written before the first key is.
func withOwnSecrets(c *Config, folder string) error {
	var own ownSecrets
	err := readFile(folder, secretsFileName, &own)
	if errors.Is(err, os.ErrNotExist) {
		own = ownSecrets{Pepper: drawSecret(), CursorKey: drawSecret()}
		err = writeFile(folder, secretsFileName, own)
	}
	if err != nil {
		return err
	}
	if c.Pepper == "" {
		c.Pepper = Secret(own.Pepper)
	}
	if c.CursorKey == "" {
		c.CursorKey = Secret(own.CursorKey)
	}
	return nil
}

func drawSecret() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return hex.EncodeToString(random[:])
}
