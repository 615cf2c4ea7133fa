package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// client is one person who talks to the bot: the next message goes out when the last was answered.
type client struct {
	sender, proxy, url string
	http               *http.Client
	pause              time.Duration

	mu       sync.Mutex
	acked    []string // texts that were answered, in order
	refused  []string // texts that were not, after all retries
	replayed int      // answers from the record
	failures map[string]int
	slowest  time.Duration
}

// retryFor is how long a client goes on asking.
const retryFor = 40 * time.Second

// talk sends messages until ctx ends; the last one is waited for.
func (c *client) talk(ctx context.Context) {
	for n := len(c.acked) + len(c.refused); ctx.Err() == nil; n++ {
		text := fmt.Sprintf("hi %d", n)
		begun := time.Now()
		ok, replayed := c.say(context.WithoutCancel(ctx), text, fmt.Sprintf("%s-%d", c.sender, n))
		c.mu.Lock()
		if c.slowest = max(c.slowest, time.Since(begun)); ok {
			c.acked = append(c.acked, text)
		} else {
			c.refused = append(c.refused, text)
		}
		if replayed {
			c.replayed++
		}
		c.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(c.pause):
		}
	}
}

// say sends one message, and again with the same key while there is no answer.
func (c *client) say(ctx context.Context, text, key string) (ok, replayed bool) {
	ctx, done := context.WithTimeout(ctx, retryFor)
	defer done()
	for {
		status, again, err := c.post(ctx, text, key)
		if err == nil && status == http.StatusOK {
			return true, again
		}
		what := fmt.Sprint(status)
		if err != nil {
			what = "no answer"
		}
		c.mu.Lock()
		c.failures[what]++
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return false, false
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *client) post(ctx context.Context, text, key string) (status int, replayed bool, err error) {
	ctx, done := context.WithTimeout(ctx, 20*time.Second)
	defer done()
	body, err := json.Marshal(map[string]string{"sender": c.sender, "message": text})
	if err != nil {
		return 0, false, fmt.Errorf("encode a message: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, false, fmt.Errorf("make a request: %w", err)
	}
	r.GetBody = nil // with a key the client of Go would send it again by itself, and nobody would know
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, false, fmt.Errorf("send a message: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, false, fmt.Errorf("read an answer: %w", err)
	}
	return resp.StatusCode, resp.Header.Get("Idempotency-Replayed") == "true", nil
}

// totals are what clients have met so far.
type totals struct {
	acked, refused, replayed int
	failures                 map[string]int // by proxy and kind
	slowest                  time.Duration
}

func sum(clients []*client) totals {
	t := totals{failures: map[string]int{}}
	for _, c := range clients {
		c.mu.Lock()
		t.acked += len(c.acked)
		t.refused += len(c.refused)
		t.replayed += c.replayed
		for what, n := range c.failures {
			t.failures[c.proxy+": "+what] += n
		}
		t.slowest, c.slowest = max(t.slowest, c.slowest), 0
		c.mu.Unlock()
	}
	return t
}

// during has all clients talk while f runs.
func during(ctx context.Context, clients []*client, f func(ctx context.Context) error) error {
	talking, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { c.talk(talking) })
	}
	err := f(ctx)
	stop()
	wg.Wait()
	return err
}
