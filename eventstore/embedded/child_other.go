//go:build !linux

package embedded

import "syscall"

// signalOnOurDeath does nothing: only Linux has parent-death signals. endOrphan cleans up at the next start.
func signalOnOurDeath(*syscall.SysProcAttr, syscall.Signal) {}
