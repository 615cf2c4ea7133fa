package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"parley/livetest"
)

// ask runs a turn for an identified request, or returns the reply that was stored.
func ask(t *testing.T, h harness, r Request, reply string) (string, error) {
	t.Helper()
	turn, _, err := h.Begin(WithRequest(t.Context(), r), "a", testDomain())
	if repeated, ok := errors.AsType[*Repeated](err); ok {
		if repeated.Omitted {
			return "omitted", nil
		}
		return "again: " + string(repeated.Reply), nil
	}
	if err != nil {
		return "", err
	}
	turn.Tracker.Record(clock, said(r.Key))
	commit(t, turn, Commit{Reply: []byte(reply)})
	return reply, nil
}

func testRepeated(t *testing.T, h harness) {
	for _, step := range []struct {
		name    string
		request Request
		reply   string
		want    string
		err     error
	}{
		{"first", Request{"k", "body"}, "hello: \x00\xff", "hello: \x00\xff", nil},
		{"again", Request{"k", "body"}, "other", "again: hello: \x00\xff", nil},
		{"another key", Request{"k2", "body"}, "two", "two", nil},
		{"first once more", Request{"k", "body"}, "other", "again: hello: \x00\xff", nil},
		{"another body", Request{"k", "other body"}, "other", "", ErrKeyReused},
		{"not identified", Request{"", "body"}, "x", "x", nil},
		{"not identified again", Request{"", "body"}, "y", "y", nil},
		{"no reply", Request{"empty", ""}, "", "", nil},
		{"no reply again", Request{"empty", ""}, "", "again: ", nil},
		{"long reply", Request{"long", ""}, strings.Repeat("x", replyLimit+1), strings.Repeat("x", replyLimit+1), nil},
		{"long reply again", Request{"long", ""}, "", "omitted", nil},
	} {
		got, err := ask(t, h, step.request, step.reply)
		if got != step.want || !errors.Is(err, step.err) {
			t.Errorf("%s: %.40q, %v; want %.40q, %v", step.name, got, err, step.want, step.err)
		}
	}
	wantTexts(t, read(t, h, "a", testDomain()), "k", "k2", "", "", "empty", "long")
	if err := h.Delete(t.Context(), "a"); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if got, err := ask(t, h, Request{"k", "body"}, "anew"); got != "anew" || err != nil {
		t.Errorf("after Delete: %q, %v; want a new turn", got, err)
	}
}

func testRepeatedWhileRunning(t *testing.T, h harness) {
	r := Request{Key: "k", Body: "b"}
	turn, _, err := h.Begin(WithRequest(t.Context(), r), "a", testDomain())
	if err != nil {
		t.Fatal(err)
	}
	replies := make(chan string, 5)
	for i := range 5 {
		go func() {
			got, err := ask(t, h, r, "second")
			if err != nil {
				got = err.Error()
			}
			replies <- got
		}()
		livetest.Await(t, "the repetition to stand in line", func() bool { return h.waiting("a") == i+1 })
	}
	turn.Tracker.Record(clock, said("once"))
	commit(t, turn, Commit{Reply: []byte("first")})
	for range 5 {
		if got := <-replies; got != "again: first" {
			t.Errorf("a repetition got %q, want the reply of the first", got)
		}
	}
	wantTexts(t, read(t, h, "a", testDomain()), "once")
	record(t, h, "a", testDomain(), said("next"))
}

func testRepliesAreBounded(t *testing.T, h harness) {
	for i := range replyTurns + 1 {
		if _, err := ask(t, h, Request{Key: fmt.Sprint(i)}, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := ask(t, h, Request{Key: "1"}, "anew"); got != "again: x" || err != nil {
		t.Errorf("request of 64 turns ago: %q, %v; want its reply", got, err)
	}
	if got, err := ask(t, h, Request{Key: "0"}, "anew"); got != "anew" || err != nil {
		t.Errorf("request of 65 turns ago: %q, %v; want a new turn", got, err)
	}
}

// testIdentity shows what others can tell turns by: attempts at one request have one id, and fences grow.
func testIdentity(t *testing.T, h harness) {
	key := func(key string) context.Context { return WithRequest(t.Context(), Request{Key: key}) }
	var last uint64
	next := func(ctx context.Context, id string) string {
		t.Helper()
		turn, _, err := h.Begin(ctx, id, testDomain())
		if err != nil {
			t.Fatal(err)
		}
		defer turn.Abort()
		if h.forgetsSessions {
			if turn.Identity != (Identity{}) {
				t.Errorf("a turn of a store in memory has the identity %v", turn.Identity)
			}
			return ""
		}
		if turn.Identity.Fence <= last {
			t.Errorf("the fence %d follows %d", turn.Identity.Fence, last)
		}
		last = turn.Identity.Fence
		return turn.Identity.ID
	}
	one := next(key("k"), "a")
	if h.forgetsSessions {
		return
	}
	if again := next(key("k"), "a"); again != one || again == "" {
		t.Errorf("the second attempt at a request is %q, the first was %q", again, one)
	}
	record(t, h, "a", testDomain(), said("x"))
	if err := h.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{one: true}
	for _, id := range []string{next(key("other"), "a"), next(key("k"), "b"), next(t.Context(), "a"), next(t.Context(), "a")} {
		if seen[id] {
			t.Errorf("two turns have the id %q", id)
		}
		seen[id] = true
	}
}
