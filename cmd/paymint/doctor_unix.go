//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// diskSpace asks the file system that dir is on, or will be once it is made.
func diskSpace(dir string) (free, total uint64, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return 0, 0, err
	}
	for {
		var fs syscall.Statfs_t
		err := syscall.Statfs(dir, &fs)
		if err == nil {
			return uint64(fs.Bavail) * uint64(fs.Bsize), uint64(fs.Blocks) * uint64(fs.Bsize), nil //nolint:unconvert // other systems have other types here
		}
		if parent := filepath.Dir(dir); errors.Is(err, os.ErrNotExist) && parent != dir {
			dir = parent
			continue
		}
		return 0, 0, err
	}
}

// fileLimit is how many files this process may open; Go has raised it to the hard
// limit already.
func fileLimit() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return limit.Cur, err
}
