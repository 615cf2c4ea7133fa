package worker

import (
	"context"
	"errors"
	"net"
	"time"
)

// When the service ends, connections that are made already are still taken out of the listeners' queues: closing a listener
// resets those that wait there. After queueQuiet without one the queues count as empty; nobody is waited for longer than queueMost.
const (
	queueQuiet = 250 * time.Millisecond // longer than a handshake that is under way takes
	queueMost  = time.Second
)

// emptyQueue lets nobody new connect and waits until all who have are accepted, and have had a moment to say what they want.
func (w *Worker) emptyQueue(ctx context.Context, l *freshListener) {
	if err := refuseNew(l.Listener); err != nil {
		w.log.Debug("new connections cannot be refused before the listener is closed", "error", err)
	}
	ctx, done := context.WithTimeout(ctx, queueMost)
	defer done()
	for quiet := time.Duration(0); quiet < queueQuiet; quiet = time.Since(l.lastAccepted()) {
		select {
		case <-time.After(queueQuiet - quiet):
		case <-ctx.Done():
			return
		}
	}
}

// refuseNew has the kernel ignore whoever wants to connect from now on. Who is connecting already is not affected.
func refuseNew(ln net.Listener) error {
	switch ln := ln.(type) {
	case *sockets:
		return ln.refuseNew()
	case *net.TCPListener:
		return ignoreSYN(ln)
	}
	return errors.ErrUnsupported
}
