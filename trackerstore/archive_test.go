package trackerstore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/livetest"
)

func TestRedisArchivesClosedSessions(t *testing.T) {
	t.Parallel()
	d := testDomain()
	for _, compress := range []bool{false, true} {
		m := miniredis.RunT(t)
		// It does not run: the test archives when it wants to.
		r := stillRedis(t, m.Addr(), RedisConfig{RedisOptions: RedisOptions{CacheBytes: -1, Compress: compress}})
		h := redisHarness(r)
		all := dialogue.NewTracker("a", d)
		turn := func(events ...dialogue.Event) {
			t.Helper()
			record(t, h, "a", d, events...)
			all.Append(events...)
		}
		same := func(when string) {
			t.Helper()
			if diff := cmp.Diff(dump(all.Rebuilt(false)), dump(read(t, h, "a", d))); diff != "" {
				t.Errorf("all sessions %s (-want +got):\n%s", when, diff)
			}
			turn := begin(t, h, "a", d)
			defer turn.Abort()
			if diff := cmp.Diff(dump(all.Rebuilt(true)), dump(turn.Tracker)); diff != "" {
				t.Errorf("latest session %s (-want +got):\n%s", when, diff)
			}
		}
		archive := func(want int) {
			t.Helper()
			for range 2 { // the second finds nothing to do
				if err := r.archiveOnce(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
			}
			if l, _ := m.List(r.keys.archives("a")); len(l) != want {
				t.Errorf("%d archives, want %d", len(l), want)
			}
		}
		turn(said("before"), said(strings.Repeat("x", 600)))
		archive(0) // nothing is closed
		for i := range 3 {
			turn(said("last of the one before"), did(dialogue.ActionSessionStart), &dialogue.SessionStarted{}, said(fmt.Sprint(i)))
			turn()
			turn(said("goes on"))
		}
		same("before archiving")
		archive(1)
		if l, _ := m.List(r.keys.frames("a")); len(l) != 3 {
			t.Errorf("%d frames are left, want the 3 of the latest session", len(l))
		}
		same("after archiving")
		turn(said("more"))
		turn(did(dialogue.ActionSessionStart), &dialogue.SessionStarted{}, said("another"))
		same("after more turns")
		archive(2)
		same("after archiving again")

		stale := begin(t, h, "a", d)
		stale.Abort()
		replaced := begin(t, h, "a", d)
		replaced.Tracker = dialogue.NewTracker("a", d)
		replaced.Tracker.Record(clock, said("instead"))
		commit(t, replaced, Commit{Replace: true})
		wantTexts(t, read(t, h, "a", d), "instead")
		if m.Exists(r.keys.archives("a")) {
			t.Error("Replace left the archives")
		}
		record(t, h, "a", d, did(dialogue.ActionSessionStart), said("x"))
		archive(1)
		if err := h.Delete(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if keys := m.Keys(); len(keys) != 0 {
			t.Errorf("Delete left %q", keys)
		}
	}
}

func TestRedisArchivesByItself(t *testing.T) {
	t.Parallel()
	d := testDomain()
	r := openRedis(t, livetest.SharedRedis(t), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(t), MaxClosedFrames: 10}})
	h := redisHarness(r)
	want := []string{}
	for i := range 30 {
		record(t, h, "a", d, did(dialogue.ActionSessionStart), said(fmt.Sprint(i)))
		want = append(want, fmt.Sprint(i))
	}
	livetest.Await(t, "an archive", func() bool { return r.rdb.LLen(t.Context(), r.keys.archives("a")).Val() > 0 })
	wantTexts(t, read(t, h, "a", d), want...)
	if n := r.rdb.LLen(t.Context(), r.keys.frames("a")).Val(); n >= 30 {
		t.Errorf("%d frames are left", n)
	}
}
