package embedded

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// alive is false for zombies too: in a container whose first process reaps nobody they stay for ever.
func alive(pid int) bool {
	state, _, err := readStat(pid)
	return err == nil && state != "Z" && state != "X"
}

// servesDir says whether the process is a postgres on this data folder. The working folder is compared by identity,
// so a folder that was moved while the orphan ran is still recognised.
func servesDir(pid int, dataDir string) bool {
	proc := fmt.Sprintf("/proc/%d", pid)
	args, err := os.ReadFile(proc + "/cmdline")
	if err != nil {
		return false
	}
	words := strings.Split(string(args), "\x00")
	if filepath.Base(words[0]) != "postgres" {
		return false
	}
	theirs, err := os.Stat(proc + "/cwd")
	if err != nil {
		return argumentsName(words, dataDir)
	}
	ours, err := os.Stat(dataDir)
	return err == nil && os.SameFile(theirs, ours)
}

// argumentsName is the weaker proof, for a process whose working folder we may not read.
func argumentsName(words []string, dataDir string) bool {
	at := slices.Index(words, "-D")
	return at >= 0 && at+1 < len(words) && words[at+1] == dataDir
}

// childrenOf lists the direct children of a process.
func childrenOf(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, entry := range entries {
		id, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if _, parent, err := readStat(id); err == nil && parent == pid {
			children = append(children, id)
		}
	}
	return children, nil
}

// readStat parses /proc/<pid>/stat (proc(5)). The name in brackets may hold anything, so fields count from the last
// bracket.
func readStat(pid int) (state string, parent int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 2 {
		return "", 0, fmt.Errorf("process %d: unreadable stat", pid)
	}
	parent, err = strconv.Atoi(fields[1])
	return fields[0], parent, err
}
