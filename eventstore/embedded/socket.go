package embedded

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// socketPathMax is macOS's limit for the path of a unix socket (Linux has 107). PostgreSQL refuses longer ones.
const socketPathMax = 103

// socketName bounds the file name postgres appends to the folder.
const socketName = "/.s.PGSQL.65535"

// quietPort names the socket file when there is no TCP listener to number it after.
const quietPort = 5432

// makeSocketDir returns a private folder short enough to hold the socket: beside the data, or where that path is too
// long in the system's temporary folder, under a name that depends on the data's place alone.
func (a account) makeSocketDir(dir string) (string, error) {
	beside := filepath.Join(dir, "socket")
	if fits(beside) {
		return beside, a.privateDir(beside)
	}
	for _, temporary := range []string{os.TempDir(), "/tmp"} {
		short := filepath.Join(temporary, "paymint-"+shortHash(dir))
		if fits(short) && (!a.drop || a.canEnter(temporary)) {
			return short, a.privateDir(short)
		}
	}
	return "", fmt.Errorf("no folder is short enough for PostgreSQL's socket: %s", beside)
}

func fits(dir string) bool { return len(dir)+len(socketName) <= socketPathMax }

// privateDir makes the folder or checks that it is ours alone: in a shared temporary folder somebody else may have
// been first, and would then receive our connections.
func (a account) privateDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return a.give(dir)
	}
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || info.Mode().Perm() != 0o700 || owner.Uid != a.uid {
		return fmt.Errorf("%s is not a private folder of PostgreSQL's user: remove it", dir)
	}
	return nil
}

// freePort asks the kernel for a loopback port that nobody listens on at this moment.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
