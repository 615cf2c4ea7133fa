//go:build !linux

package worker_test

import (
	"testing"

	"parley/worker"
)

func prepareContainer() error { return nil }

func TestSeveralWorkersNeedLinux(t *testing.T) {
	t.Parallel()
	if _, _, err := worker.OpenSockets(t.Context(), "127.0.0.1:0", 2, false); err == nil {
		t.Error("sockets were opened")
	}
}
