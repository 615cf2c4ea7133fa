//go:build unix

package main

import (
	"os/exec"
	"runtime"
	"syscall"
)

// lowly is how nice a training is to turns: it gets about a tenth of a processor that they want.
const lowly = 10

// startLowly starts a process of low priority. A process begins with the priority of the thread that starts it, so a thread is lowered
// first, which then ends with its goroutine, for it is never unlocked. Where that is not allowed the priority stays.
func startLowly(cmd *exec.Cmd) error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, lowly)
		started <- cmd.Start()
	}()
	return <-started
}
