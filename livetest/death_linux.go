package livetest

import (
	"os/exec"
	"syscall"
)

// DieWithTest has the kernel kill a command, which is not started yet, when this process is gone: a test binary that is killed or runs out
// of time ends nothing by itself.
func DieWithTest(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
