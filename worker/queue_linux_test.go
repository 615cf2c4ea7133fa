package worker_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/livetest"
	"parley/worker"
)

// arrivals are clients that connect again and again, each time for one request, until they are refused.
type arrivals struct {
	answered, broken atomic.Int64
	wg               sync.WaitGroup
	first            atomic.Pointer[error]
}

func arrive(addr string, n int) *arrivals {
	a := new(arrivals)
	for range n {
		a.wg.Go(func() {
			for {
				conn, err := net.DialTimeout("tcp", addr, patience)
				if err != nil {
					if !errors.Is(err, syscall.ECONNREFUSED) {
						a.wrong(fmt.Errorf("connect: %w", err))
					}
					return
				}
				if err := a.request(conn); err != nil {
					a.wrong(err)
				}
			}
		})
	}
	return a
}

// request expects an answer on a connection that is made.
func (a *arrivals) request(conn net.Conn) error {
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, post("")); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", res.Status)
	}
	a.answered.Add(1)
	return nil
}

func (a *arrivals) wrong(err error) {
	a.broken.Add(1)
	a.first.CompareAndSwap(nil, &err)
}

// check fails if somebody was not served. A process that is held up for a second just when the service ends may let those down who have
// connected and said nothing yet: so the tests are Paced, though the second is the product's own.
func (a *arrivals) check() error {
	a.wg.Wait()
	if n := a.broken.Load(); n > 0 {
		return fmt.Errorf("%d connections were made and not served, %d were; the first: %w", n, a.answered.Load(), *a.first.Load())
	}
	return nil
}

// some waits until some are answered.
func (a *arrivals) some(t *testing.T) {
	t.Helper()
	livetest.Await(t, "some to be answered", func() bool { return a.answered.Load() > 100 })
}

func TestWhoHasConnectedIsServedThoughTheServiceEnds(t *testing.T) {
	t.Parallel()
	livetest.Paced(t, func(second time.Duration) error {
		s, _ := start(t, func(c *worker.Config) { c.DrainDelay = second / 10 })
		a := arrive(s.addr, 32)
		a.some(t)
		s.stop()
		if err := <-s.done; err != nil {
			t.Errorf("Run: %v", err)
		}
		return a.check()
	})
}

func TestWhoHasConnectedIsServedThoughAllWorkersEnd(t *testing.T) {
	t.Parallel()
	livetest.Paced(t, func(second time.Duration) error {
		f := supervise(t, 2, worker.Times{}, func(c *worker.SupervisorConfig) { c.DrainDelay = second / 10 }).ready(2)
		a := arrive(f.addr, 32)
		a.some(t)
		f.signals <- syscall.SIGTERM
		if err := f.end(); err != nil {
			t.Errorf("Run: %v", err)
		}
		return a.check()
	})
}
