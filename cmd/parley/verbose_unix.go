//go:build unix

package main

import (
	"os"
	"syscall"
)

// verboseSignal has everything logged, and the next one no longer.
var verboseSignal os.Signal = syscall.SIGUSR1
