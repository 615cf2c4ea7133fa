package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"

	"parley/livetest"
	"parley/lockstore"
)

// What a client does: a turn with a text of its own, or a read.
type clientInput struct {
	conversation int
	text         string // "": read
}

// clientOutput is what came of it.
type clientOutput struct {
	seen    string // the texts that the turn began with, or that were read
	outcome string // ok, rejected, unknown, or never began
}

// conversationModel is the sequential specification: a conversation is a list of texts, and a turn appends its own to exactly
// the list that it saw.
var conversationModel = porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := map[int][]porcupine.Operation{}
		for _, op := range history {
			in, _ := op.Input.(clientInput)
			parts[in.conversation] = append(parts[in.conversation], op)
		}
		out := make([][]porcupine.Operation, 0, len(parts))
		for _, p := range parts {
			out = append(out, p)
		}
		return out
	},
	Init: func() []any { return []any{""} },
	Step: func(state, input, output any) []any {
		in, _ := input.(clientInput)
		out, _ := output.(clientOutput)
		if out.seen != state {
			return nil
		}
		next := out.seen + in.text + ","
		switch {
		case in.text == "" || out.outcome == "rejected":
			return []any{state}
		case out.outcome == "unknown":
			return []any{state, next}
		}
		return []any{next}
	},
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%v -> %v", input, output)
	},
}

// lossyHook loses the answer of every third commit: it is sent again after a while, when others may have passed.
type lossyHook struct {
	again  redis.UniversalClient
	commit string
	n      atomic.Int32
	dups   atomic.Int32
}

func (*lossyHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *lossyHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			_ = h.lose(ctx, cmd) // the command keeps its error
		}
		return err
	}
}

func (h *lossyHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := next(ctx, cmd); err != nil {
			return err
		}
		return h.lose(ctx, cmd)
	}
}

// lose sends a commit again as if its answer had been lost, if its turn has come.
func (h *lossyHook) lose(ctx context.Context, cmd redis.Cmder) error {
	args := cmd.Args()
	if cmd.Err() != nil || len(args) < 2 || args[1] != h.commit || h.n.Add(1)%3 != 0 {
		return cmd.Err()
	}
	pause(rand.N(20 * time.Millisecond))
	second := h.again.Do(ctx, args...)
	if c, ok := cmd.(*redis.Cmd); ok && second.Err() == nil {
		if list, _ := second.Val().([]any); len(list) > 0 && list[0] == "DUP" {
			h.dups.Add(1)
		}
		c.SetVal(second.Val())
	}
	return second.Err()
}

// pause waits as a busy or stopped process does.
func pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	<-t.C
}

func joined(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, ",") + ","
}

// stress runs clients against stores with leases that are shorter than some turns, and returns what they saw.
func stress(t *testing.T, unchecked bool, conversations, clients, ops int) (history []porcupine.Operation, summary map[string]int) {
	t.Helper()
	d := testDomain()
	prefix := testPrefix(t)
	var stores []harness
	lossy := &lossyHook{}
	for i := range 3 {
		r := stillRedis(t, livetest.SharedRedis(t), RedisConfig{
			RedisOptions: RedisOptions{Prefix: prefix},
			LockOptions:  lockstore.RedisOptions{Lease: 25 * time.Millisecond, Claim: 20 * time.Millisecond, Poll: 4 * time.Millisecond},
		})
		r.unchecked = unchecked
		r.prepareScripts()
		if i == 0 {
			lossy.again = stillRedis(t, livetest.SharedRedis(t), RedisConfig{}).rdb
			lossy.commit = r.commitScript.Hash()
		}
		r.rdb.AddHook(lossy)
		stores = append(stores, redisHarness(r))
	}
	summary = map[string]int{}
	start := time.Now()
	var mu sync.Mutex
	note := func(client int, in clientInput, out clientOutput, call time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		summary[out.outcome]++
		if out.outcome == "never began" {
			return
		}
		history = append(history, porcupine.Operation{
			ClientId: client, Input: in, Output: out, Call: call.Nanoseconds(), Return: time.Since(start).Nanoseconds(),
		})
	}
	turn := func(h harness, in clientInput, id string) clientOutput {
		turn, _, err := h.Begin(t.Context(), id, d)
		if err != nil {
			t.Errorf("Begin: %v", err)
			return clientOutput{outcome: "never began"}
		}
		out := clientOutput{seen: joined(texts(turn.Tracker)), outcome: "ok"}
		if turn.Tracker.HistoryErr() != nil { // its lease was lost before it had seen anything
			turn.Abort()
			return clientOutput{outcome: "never began"}
		}
		if rand.N(3) == 0 {
			pause(rand.N(50 * time.Millisecond)) // past the lease, as a stopped process
		}
		turn.Tracker.Record(clock, said(in.text))
		switch err := turn.Commit(t.Context(), Commit{}); {
		case errors.Is(err, ErrConflict):
			out.outcome = "rejected"
		case err != nil:
			out.outcome = "unknown"
		}
		return out
	}
	var wg sync.WaitGroup
	for c := range conversations {
		for k := range clients {
			client := c*clients + k
			h := stores[client%len(stores)]
			wg.Go(func() {
				id := fmt.Sprint(c)
				for i := range ops {
					call := time.Since(start)
					if i%5 == 4 {
						tr, _, err := h.Read(t.Context(), id, d, AllSessions)
						if err != nil {
							t.Errorf("Read: %v", err)
							continue
						}
						var seen string
						if tr != nil {
							seen = joined(texts(tr))
						}
						note(client, clientInput{conversation: c}, clientOutput{seen: seen, outcome: "read"}, call)
						continue
					}
					in := clientInput{conversation: c, text: fmt.Sprintf("%d.%d", k, i)}
					note(client, in, turn(h, in, id), call)
				}
			})
		}
	}
	wg.Wait()
	for c := range conversations {
		call := time.Since(start)
		seen := joined(texts(read(t, stores[0], fmt.Sprint(c), d)))
		note(1000, clientInput{conversation: c}, clientOutput{seen: seen, outcome: "read"}, call)
	}
	summary["dup"] = int(lossy.dups.Load())
	return history, summary
}

// TestRedisIsLinearizable checks that turns appear to happen one after another, each from the state that its predecessor
// left, though holders pause past their lease and answers are lost.
func TestRedisIsLinearizable(t *testing.T) {
	t.Parallel()
	conversations, clients, ops := 4, 5, 20
	if os.Getenv("SOAK") == "long" {
		conversations, clients, ops = 50, 4, 100
	}
	history, summary := stress(t, false, conversations, clients, ops)
	t.Logf("outcomes: %v", summary)
	if summary["ok"] == 0 || summary["rejected"] == 0 || summary["dup"] == 0 {
		t.Errorf("the load was too gentle to show anything: %v", summary)
	}
	if summary["unknown"] != 0 {
		t.Errorf("%d unknown outcomes on a server that answers", summary["unknown"])
	}
	model := conversationModel.ToModel()
	result, info := porcupine.CheckOperationsVerbose(model, history, 10*time.Minute)
	if result != porcupine.Ok {
		path := filepath.Join(os.TempDir(), "parley-history.html")
		if f, err := os.Create(path); err == nil {
			_ = porcupine.Visualize(model, info, f)
			_ = f.Close()
		}
		t.Errorf("the history is %s, see %s", result, path)
	}
}

// TestLinearizabilityTestSeesABrokenStore turns the check of the parent off: the test above must notice.
func TestLinearizabilityTestSeesABrokenStore(t *testing.T) {
	t.Parallel()
	for range 3 {
		history, summary := stress(t, true, 4, 5, 20)
		t.Logf("outcomes: %v", summary)
		if porcupine.CheckOperationsTimeout(conversationModel.ToModel(), history, time.Minute) == porcupine.Illegal {
			return
		}
	}
	t.Error("a store that accepts commits whatever their parent passes for linearizable")
}
