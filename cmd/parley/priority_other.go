//go:build !unix

package main

import "os/exec"

// startLowly starts a process; here its priority cannot be lowered.
func startLowly(cmd *exec.Cmd) error { return cmd.Start() }
