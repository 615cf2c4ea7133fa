package lockstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"parley/livetest"
)

// hungServer is the address of a server that takes connections and what is said on them, and answers nothing.
func hungServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() { _, _ = io.Copy(io.Discard, c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// TestHungServerHoldsNobodyBeyondHisTime: whoever has a deadline gets his answer then, or a moment later, also where the server hangs,
// the time limit of the client is far away and others share the batch.
func TestHungServerHoldsNobodyBeyondHisTime(t *testing.T) {
	t.Parallel()
	livetest.Paced(t, func(second time.Duration) error {
		rdb, err := RedisServer{URL: hungServer(t), SocketTimeout: 15 * second}.Connect()
		if err != nil {
			return err
		}
		defer func() { _ = rdb.Close() }()
		r, err := NewRedis(rdb, RedisOptions{Prefix: "p"})
		if err != nil {
			return err
		}
		limit := second / 5
		var g errgroup.Group
		for range 8 { // both ways are taken, and the next batch has many callers
			g.Go(func() error {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				begun := time.Now()
				_, err := r.Acquire(ctx, "k")
				if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUnavailable) {
					t.Errorf("Acquire: %v, want the deadline's error or ErrUnavailable", err)
				}
				if took := time.Since(begun); took > limit+time.Second+second*3/10 {
					return fmt.Errorf("Acquire with a deadline of %s took %s", limit, took)
				}
				return nil
			})
		}
		return g.Wait()
	})
}

// TestBatcherLeaveWhileSent: in a batch that is under way, one that leads it and one that is only in it are free to go; those who stay
// get their answers, and the way becomes free.
func TestBatcherLeaveWhileSent(t *testing.T) {
	t.Parallel()
	script := NewScript("return ARGV[1]")
	b, g, wg := batching(t, script)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 2)
	leave := func() {
		_, sent, err := b.Run(ctx, script, []string{"k"}, "left")
		if !sent {
			t.Error("what was sent is said not to be")
		}
		left <- err
	}
	go leave() // will lead
	b.stand(t, 1)
	go leave()
	b.stand(t, 2)
	stayed := make(chan error, 1)
	go func() {
		reply, _, err := b.Run(t.Context(), script, []string{"k"}, "stayed")
		if reply != "stayed" {
			t.Errorf("the answer of who stayed: %v", reply)
		}
		stayed <- err
	}()
	b.stand(t, 3)
	g.open <- struct{}{} // one of the first is answered, and the batch goes
	if n := <-g.arrived; n != 3 {
		t.Fatalf("%d commands are sent at once, want 3", n)
	}
	cancel()
	for range 2 {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the error of who left: %v", err)
		}
	}
	close(g.open)
	if err := <-stayed; err != nil {
		t.Errorf("who stayed: %v", err)
	}
	wg.Wait()
	livetest.Await(t, "the ways", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.free == ways && len(b.waiting) == 0
	})
}

// TestBatcherSurvivesAPanic: what panics in the client does not cost a way.
func TestBatcherSurvivesAPanic(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = rdb.Close() })
	rdb.AddHook(panics{})
	b := NewBatcher(rdb)
	for range 2 * ways {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_, _, _ = b.Run(t.Context(), NewScript("return 1"), nil)
		}()
	}
	if b.free != ways {
		t.Errorf("%d ways are free, want %d", b.free, ways)
	}
}

type panics struct{}

func (panics) DialHook(next redis.DialHook) redis.DialHook { return next }

func (panics) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(context.Context, redis.Cmder) error { panic("observer") }
}

func (panics) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
