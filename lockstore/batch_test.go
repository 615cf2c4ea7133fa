package lockstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"parley/livetest"
)

// gate is a hook that notes what is sent and holds it until it is opened.
type gate struct {
	arrived chan int // commands in what was sent
	open    chan struct{}
}

func (g gate) DialHook(next redis.DialHook) redis.DialHook { return next }

func (g gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		g.pass(cmd)
		return next(ctx, cmd)
	}
}

func (g gate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		g.pass(cmds...)
		return next(ctx, cmds)
	}
}

func (g gate) pass(cmds ...redis.Cmder) {
	if cmds[0].Name() == "evalsha" { // and not how a connection begins
		g.arrived <- len(cmds)
		<-g.open
	}
}

// batching returns a batcher all of whose ways are taken until the gate is opened, and who took them.
func batching(t *testing.T, script *Script) (*Batcher, gate, *sync.WaitGroup) {
	t.Helper()
	m := miniredis.RunT(t)
	rdb := connect(t, m.Addr())
	if err := script.Load(t.Context(), rdb); err != nil {
		t.Fatal(err)
	}
	g := gate{arrived: make(chan int, 100), open: make(chan struct{})}
	c, _ := rdb.(*redis.Client)
	c.AddHook(g)
	b := NewBatcher(rdb)
	var wg sync.WaitGroup
	for range ways {
		wg.Go(func() {
			if _, _, err := b.Run(t.Context(), script, []string{"k"}, "first"); err != nil {
				t.Error(err)
			}
		})
		if n := <-g.arrived; n != 1 {
			t.Fatalf("%d commands are sent at once, want 1", n)
		}
	}
	return b, g, &wg
}

// stand waits until n callers wait for a way.
func (b *Batcher) stand(t *testing.T, n int) {
	t.Helper()
	livetest.Await(t, fmt.Sprintf("%d callers to wait", n), func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.waiting) == n
	})
}

// TestBatcherSendsWhatWaitsTogether: each gets his own answer, and an error is his alone who caused it.
func TestBatcherSendsWhatWaitsTogether(t *testing.T) {
	t.Parallel()
	script := NewScript("if ARGV[1] == 'bad' then return redis.error_reply('BAD thing') end return ARGV[1] .. '!'")
	b, g, wg := batching(t, script)
	const callers = 20
	got := make([]string, callers)
	for i := range callers {
		wg.Go(func() {
			arg := fmt.Sprint(i)
			if i == 7 {
				arg = "bad"
			}
			reply, _, err := b.Run(t.Context(), script, []string{"k"}, arg)
			got[i] = fmt.Sprint(reply, err)
		})
	}
	b.stand(t, callers)
	close(g.open)
	wg.Wait()
	want := make([]string, callers)
	for i := range want {
		want[i] = fmt.Sprintf("%d!<nil>", i)
	}
	want[7] = "<nil>BAD thing"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if n := len(g.arrived); n > ways {
		t.Errorf("%d callers that wait are sent in %d batches, want %d at most", callers, n, ways)
	}
	if b.free != ways || len(b.waiting) != 0 {
		t.Errorf("%d ways are free and %d wait at the end", b.free, len(b.waiting))
	}
}

// TestBatcherLeave: who leaves while he waits is not sent, and those behind him are.
func TestBatcherLeave(t *testing.T) {
	t.Parallel()
	script := NewScript("redis.call('RPUSH', KEYS[1], ARGV[1]) return 1")
	b, g, wg := batching(t, script)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, _, err := b.Run(ctx, script, []string{"k"}, "left")
		left <- err
	}()
	b.stand(t, 1)
	wg.Go(func() {
		if _, _, err := b.Run(t.Context(), script, []string{"k"}, "stayed"); err != nil {
			t.Error(err)
		}
	})
	b.stand(t, 2)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the error of who left: %v", err)
	}
	close(g.open)
	wg.Wait()
	list, err := b.rdb.LRange(t.Context(), "k", 0, -1).Result()
	slices.Sort(list)
	if got := strings.Join(list, " "); err != nil || got != "first first stayed" {
		t.Errorf("what was run: %q, %v", got, err)
	}
}

// TestBatcherOfManyCallers runs callers that come, leave and lose their connections all the time: nobody gets the answer of
// another or waits for ever, and no way is lost.
func TestBatcherOfManyCallers(t *testing.T) {
	t.Parallel()
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr(fmt.Sprintf("127.0.0.1:%d", livetest.Port(t))); err != nil { // its own, also while it is closed
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	rdb := connect(t, m.Addr())
	b := NewBatcher(rdb)
	script := NewScript("return ARGV[1]")
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				if j%5 == 4 {
					cancel()
				}
				want := fmt.Sprint(i, j)
				reply, _, err := b.Run(ctx, script, []string{"k"}, want)
				if err == nil && reply != want {
					t.Errorf("the answer of another: %v, want %v", reply, want)
				}
				cancel()
				if i == 0 && j%10 == 9 {
					m.Close()
					if err := m.Restart(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if b.free != ways || len(b.waiting) != 0 {
		t.Errorf("%d ways are free and %d wait at the end", b.free, len(b.waiting))
	}
	dialled(t, rdb)
	if reply, _, err := b.Run(t.Context(), script, []string{"k"}, "end"); err != nil || reply != "end" {
		t.Errorf("the answer at the end: %v, %v", reply, err)
	}
}
