package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is the CPU time and memory of the processes under test, as the kernel
// accounts them (Linux; elsewhere the figures are zero and the report says so).
type usage struct {
	App, Postgres, Generator time.Duration
	AppResident              int64 // bytes, now
	AppResidentPeak          int64
	Disk                     int64 // bytes of the data folder
}

func (u usage) minus(earlier usage) usage {
	u.App -= earlier.App
	u.Postgres -= earlier.Postgres
	u.Generator -= earlier.Generator
	u.Disk -= earlier.Disk
	return u
}

// measureUsage looks at the server, its PostgreSQL children and this process.
func measureUsage(server int, dataDir string) usage {
	u := usage{
		App: cpuTime(server), Generator: cpuTime(os.Getpid()),
		AppResident: statusBytes(server, "VmRSS"), AppResidentPeak: statusBytes(server, "VmHWM"),
		Disk: folderSize(dataDir),
	}
	for _, child := range descendants(server) {
		u.Postgres += cpuTime(child)
	}
	return u
}

const clockTick = 10 * time.Millisecond // USER_HZ is 100 on every Linux port

// cpuTime is user and system time, with that of children already reaped.
func cpuTime(pid int) time.Duration {
	fields := statFields(pid)
	if len(fields) < 15 {
		return 0
	}
	var ticks int64
	for _, field := range fields[11:15] {
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// statFields are the fields of /proc/<pid>/stat after the command name.
func statFields(pid int) []string {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}

func statusBytes(pid int, name string) int64 {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}

func descendants(root int) []int {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if fields := statFields(pid); len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], pid)
		}
	}
	var found []int
	for queue := children[root]; len(queue) > 0; queue = queue[1:] {
		found = append(found, queue[0])
		queue = append(queue, children[queue[0]]...)
	}
	return found
}

func folderSize(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // files come and go while the server runs
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
