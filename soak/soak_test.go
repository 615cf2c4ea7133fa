package soak

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// report is what came of a load.
type report struct {
	mu       sync.Mutex
	texts    map[string][]string // that were answered, in order
	turns    int
	hits     int
	statuses map[int]int
	slowest  time.Duration // request, with all its attempts
	longest  time.Duration // attempt
}

// load has clients talk until ctx ends or each has said rounds messages in each of its conversations. A conversation belongs to one
// client, which says the next thing when it has an answer to the last: so the order is known.
func (f *fleet) load(ctx context.Context, t *testing.T, name string, conversations, clients, rounds int) *report {
	t.Helper()
	r := &report{texts: map[string][]string{}, statuses: map[int]int{}}
	messages := []string{"hi", "i am sad", "yes", "are you a bot?", "bye", "what else can you do"}
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for round := 0; (rounds == 0 || round < rounds) && ctx.Err() == nil; round++ {
				for id := c; id < conversations && ctx.Err() == nil; id += clients {
					sender := fmt.Sprintf("%s-%d", name, id)
					text := fmt.Sprintf("%s %d", messages[round%len(messages)], round)
					limited, done := context.WithTimeout(context.Background(), 90*time.Second)
					out, err := f.insist(limited, sender, fmt.Sprintf("%s-%d", sender, round), text)
					done()
					if err != nil {
						t.Error(err)
						return
					}
					r.add(sender, text, out)
				}
			}
		})
	}
	wg.Wait()
	return r
}

func (r *report) add(sender, text string, out told) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts[sender] = append(r.texts[sender], text)
	r.turns++
	r.hits += out.hits
	for _, s := range out.statuses {
		r.statuses[s]++
	}
	r.slowest = max(r.slowest, out.took)
	r.longest = max(r.longest, out.longest)
}

// TestKilledWorkers (T2) kills a random worker process every 300 ms. Each message is stored once, and a conversation whose holder was
// killed goes on when the lease is over.
func TestKilledWorkers(t *testing.T) {
	needs(t)
	f := startFleet(t, startRedis(t), 4)
	ctx, cancel := context.WithCancel(t.Context())
	kills := pick(20, 200)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		for killed := 0; killed < kills; {
			pause(300 * time.Millisecond)
			if pids := f.children(); len(pids) > 0 && syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL) == nil {
				killed++
			}
		}
	})
	r := f.load(ctx, t, "killed", 500, 32, 0)
	wg.Wait()
	t.Logf("%d turns, %d kills, %d attempts without an answer, other answers %v, longest wait for an answer %s, slowest request with all its attempts %s",
		r.turns, kills, r.hits, r.statuses, r.longest, r.slowest)
	if r.turns == 0 || r.hits == 0 {
		t.Error("the load was too gentle to show anything")
	}
	if len(r.statuses) > 0 {
		t.Errorf("workers that were not killed answered %v", r.statuses)
	}
	if limit := lease + pick(10*time.Second, 500*time.Millisecond); r.longest > limit {
		t.Errorf("an attempt took %s: a conversation whose holder was killed should go on after %s", r.longest, limit)
	}
	f.holds(t, r.texts)
}

// TestHotConversation (T4) sends 200 messages to one conversation at once.
func TestHotConversation(t *testing.T) {
	needs(t)
	const n = 200
	f := startFleet(t, startRedis(t), 4)
	warm := f.load(t.Context(), t, "warm", n, n, 1) // connections
	if warm.turns != n {
		t.Fatal("the server does not answer")
	}
	say := func(sender string, i int) {
		if _, err := f.insist(t.Context(), sender, fmt.Sprint(sender, i), fmt.Sprintf("message %03d", i)); err != nil {
			t.Error(err)
		}
	}
	begun := time.Now()
	for i := range n {
		say("serial", i)
	}
	serial := time.Since(begun)
	begun = time.Now()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { say("hot", i) })
		pause(500 * time.Microsecond) // so that the order in which they are sent is known
	}
	wg.Wait()
	took := time.Since(begun)
	texts, err := f.texts("hot")
	if err != nil {
		t.Fatal(err)
	}
	inverted := 0
	for i := range texts {
		for _, later := range texts[i+1:] {
			if later < texts[i] {
				inverted++
			}
		}
	}
	share := float64(inverted) / (n * (n - 1) / 2)
	t.Logf("%d requests at once took %s, one after the other %s: ratio %.2f; %.2f %% of pairs inverted", n, took, serial, took.Seconds()/serial.Seconds(), 100*share)
	if got := len(slices.Compact(slices.Sorted(slices.Values(texts)))); got != n || len(texts) != n {
		t.Errorf("%d messages are stored, %d of them different, want %d", len(texts), got, n)
	}
	if share > pick(0.25, 0.01) {
		t.Errorf("%.2f %% of pairs are not in the order in which they were sent", 100*share)
	}
	if limit := pick(10.0, 2.0); took.Seconds() > limit*serial.Seconds() {
		t.Errorf("at once they took %s, more than %.0f times as long as one after the other (%s)", took, limit, serial)
	}
}

// TestManyConversations (T5) holds many conversations at once.
func TestManyConversations(t *testing.T) {
	needs(t)
	f := startFleet(t, startRedis(t), 2)
	conversations := pick(300, 10000)
	f.load(t.Context(), t, "warm", 64, 64, 8)
	idle := sum(f.metrics(t), "go_goroutines")
	first := f.load(t.Context(), t, "early", conversations, 64, 4)
	early := f.memory()
	second := f.load(t.Context(), t, "late", conversations, 64, 8)
	late := f.memory()
	f.http.CloseIdleConnections()
	t.Logf("%d turns of %d conversations, memory %d MiB, later %d MiB", first.turns+second.turns, 2*conversations, early>>20, late>>20)
	if len(first.statuses)+len(second.statuses)+first.hits+second.hits > 0 {
		t.Errorf("requests failed: %v %v", first.statuses, second.statuses)
	}
	f.holds(t, first.texts)
	f.holds(t, second.texts)
	if limit := early*3/2 + 128<<20; late > limit {
		t.Errorf("memory grew from %d to %d MiB", early>>20, late>>20)
	}
	f.http.CloseIdleConnections()
	await(t, func() error {
		if n := sum(f.metrics(t), "go_goroutines"); n > idle+20 {
			return fmt.Errorf("%v goroutines are left, %v were there before", n, idle)
		}
		return nil
	})
}

// TestRedisIsKilled (T6) kills Redis, which writes everything to disk, and starts it again.
func TestRedisIsKilled(t *testing.T) {
	needs(t)
	server := startRedis(t)
	f := startFleet(t, server, 2)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		for range pick(2, 15) {
			pause(time.Second)
			server.Kill()
			pause(300 * time.Millisecond)
			if err := server.Start(); err != nil {
				t.Error(err)
			}
		}
		pause(time.Second)
	})
	r := f.load(ctx, t, "redis", 100, 16, 0)
	wg.Wait()
	t.Logf("%d turns, %d attempts without an answer, other answers %v, slowest request %s", r.turns, r.hits, r.statuses, r.slowest)
	if r.statuses[http.StatusServiceUnavailable] == 0 {
		t.Error("the load was too gentle: nobody noticed")
	}
	for status, n := range r.statuses {
		if status != http.StatusServiceUnavailable {
			t.Errorf("%d answers with status %d", n, status)
		}
	}
	f.holds(t, r.texts)
}

// TestReplacedWorkers (T15, T17) replaces all worker processes under load. No request fails, and what was counted stays counted.
func TestReplacedWorkers(t *testing.T) {
	needs(t)
	f := startFleet(t, startRedis(t), 2)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		for range pick(1, 10) {
			pause(time.Second)
			before := f.children()
			_ = f.cmd.Process.Signal(syscall.SIGHUP)
			await(t, func() error {
				for _, pid := range f.children() {
					if slices.Contains(before, pid) {
						return fmt.Errorf("process %d is still there", pid)
					}
				}
				return nil
			})
		}
	})
	r := f.load(ctx, t, "replaced", 100, 16, 0)
	wg.Wait()
	t.Logf("%d turns, %d attempts without an answer, other answers %v", r.turns, r.hits, r.statuses)
	if r.turns < 100 {
		t.Error("the load was too gentle to show anything")
	}
	if r.hits > 0 || len(r.statuses) > 0 {
		t.Errorf("%d requests got no answer, others %v", r.hits, r.statuses)
	}
	f.holds(t, r.texts)
	await(t, func() error {
		if n := sum(f.metrics(t), `parley_turns_total{channel="rest",outcome="ok"}`); int(n) != r.turns {
			return fmt.Errorf("%v turns are counted, %d were answered", n, r.turns)
		}
		return nil
	})
}

// TestLongConversations (T22) compares turns of a long conversation with those of a short one.
func TestLongConversations(t *testing.T) {
	needs(t)
	f := startFleet(t, startRedis(t), 2)
	n := 0
	median := func(sender string, turns int) time.Duration {
		var took []time.Duration
		for range turns {
			n++
			begun := time.Now()
			if _, err := f.insist(t.Context(), sender, fmt.Sprint(n), "hi"); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(begun))
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	median("warm", 50)
	early := median("long", 10)
	median("long", pick(100, 380))
	compare := func(what, long string, turns int, limit float64, floor time.Duration) {
		for try := 1; ; try++ { // a machine that is held up is so for one of the two
			took, short := median(long, turns), median(fmt.Sprint("fresh", n), turns)
			t.Logf("%s a turn takes %s, in a fresh conversation %s: ratio %.2f", what, took, short, took.Seconds()/short.Seconds())
			if took.Seconds() <= limit*max(floor, short).Seconds() {
				return
			}
			if try == 3 {
				t.Errorf("%s a turn takes %s, more than %.1f times as long as %s", what, took, limit, max(floor, short))
				return
			}
		}
	}
	compare(fmt.Sprintf("after %d turns", pick(110, 390)), "long", 10, pick(4.0, 1.5), early)

	events := pick(2000, 20000)
	var body bytes.Buffer
	body.WriteString(`[{"event":"action","name":"action_session_start"},{"event":"session_started"},{"event":"action","name":"action_listen"}`)
	for i := 3; i < events; i += 3 {
		fmt.Fprintf(&body, `,{"event":"user","text":"message %d","parse_data":{"intent":{"name":"greet","confidence":1.0},"entities":[],"text":"message %d"}}`, i, i)
		body.WriteString(`,{"event":"action","name":"utter_greet"},{"event":"action","name":"action_listen"}`)
	}
	body.WriteString("]")
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, f.base+"/conversations/huge/tracker/events", strings.NewReader(body.String()))
	req.Header.Set("Content-Type", "application/json")
	resp, err := f.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("PUT of %d events: %s", events, resp.Status)
	}
	median("huge", 30) // the first turns of each process load it
	compare(fmt.Sprintf("with a history of %d events", events), "huge", 20, pick(4.0, 2.0), 0)
}
