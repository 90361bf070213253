//go:build !linux

package embedded

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// alive is false for zombies too.
func alive(pid int) bool {
	state, err := output("ps", "-o", "state=", "-p", strconv.Itoa(pid))
	return err == nil && state != "" && !strings.HasPrefix(state, "Z")
}

// servesDir says whether the process is a postgres on this data folder.
func servesDir(pid int, dataDir string) bool {
	args, err := output("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid))
	if err != nil {
		return false
	}
	program, rest, _ := strings.Cut(args, " -D ")
	return filepath.Base(program) == "postgres" && strings.HasPrefix(rest, dataDir)
}

// childrenOf lists the direct children of a process.
func childrenOf(pid int) ([]int, error) {
	text, err := output("pgrep", "-P", strconv.Itoa(pid))
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var children []int
	for _, word := range strings.Fields(text) {
		if id, err := strconv.Atoi(word); err == nil {
			children = append(children, id)
		}
	}
	return children, nil
}
