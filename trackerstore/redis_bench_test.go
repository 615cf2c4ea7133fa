package trackerstore

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/dialogue"
	"parley/livetest"
)

// turnEvents are the events of a usual turn: about 2 KB of JSON.
func turnEvents(i int) []dialogue.Event {
	u := said(fmt.Sprintf("I would like to borrow the book number %d, please", i))
	for k := range 10 {
		u.Parse.Ranking = append(u.Parse.Ranking, dialogue.Intent{Name: fmt.Sprintf("intent_%d", k), Confidence: 0.1234567890123})
	}
	return []dialogue.Event{
		u, &dialogue.SlotSet{Name: "name", Value: fmt.Sprint("book ", i)}, did("utter_borrowed"),
		&dialogue.BotUttered{Text: "You have borrowed it for four weeks."}, did(dialogue.ActionListen),
	}
}

func benchTurn(b *testing.B, s Store, id string, d *dialogue.Domain, i int) {
	turn, ctx, err := s.Begin(b.Context(), id, d)
	if err != nil {
		b.Fatal(err)
	}
	turn.Tracker.Record(clock+float64(i), turnEvents(i)...)
	if err := turn.Commit(ctx, Commit{}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRedisTurn measures turns of conversations that nobody else wants, restarted after 8 turns.
func BenchmarkRedisTurn(b *testing.B) {
	for _, parallel := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("clients=%d", parallel), func(b *testing.B) {
			d := testDomain()
			r := openRedis(b, livetest.SharedRedis(b), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(b)}})
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			begun := time.Now()
			for c := range parallel {
				wg.Go(func() {
					for {
						i := int(n.Add(1))
						if i > b.N {
							return
						}
						benchTurn(b, r, fmt.Sprintf("%d-%d", c, i/(8*parallel)), d, i)
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "turns/s")
		})
	}
}

// BenchmarkRedisLoad measures what a turn costs without a copy in the cache, by the length of the session.
func BenchmarkRedisLoad(b *testing.B) {
	d := testDomain()
	for _, turns := range []int{2, 20, 200} {
		for name, cacheBytes := range map[string]int64{"decoded": -1, "cached": 0} {
			b.Run(fmt.Sprintf("events=%d/%s", turns*5, name), func(b *testing.B) {
				r := openRedis(b, livetest.SharedRedis(b), RedisConfig{RedisOptions: RedisOptions{Prefix: testPrefix(b), CacheBytes: cacheBytes}})
				for i := range turns {
					turn, _, err := r.Begin(b.Context(), "a", d)
					if err != nil {
						b.Fatal(err)
					}
					turn.Tracker.Record(clock+float64(i), turnEvents(i)...)
					if err := turn.Commit(b.Context(), Commit{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					turn, _, err := r.Begin(b.Context(), "a", d)
					if err != nil {
						b.Fatal(err)
					}
					turn.Abort()
				}
			})
		}
	}
}

// BenchmarkRedisHotConversation measures one conversation that everybody wants: four workers, 2 ms of work in each turn.
func BenchmarkRedisHotConversation(b *testing.B) {
	d := testDomain()
	prefix := testPrefix(b)
	var stores [4]*Redis
	for i := range stores {
		stores[i] = openRedis(b, livetest.SharedRedis(b), RedisConfig{RedisOptions: RedisOptions{Prefix: prefix}})
	}
	b.ResetTimer()
	begun := time.Now()
	var mu sync.Mutex
	var order []int
	var wg sync.WaitGroup
	var trips roundTrips
	for _, s := range stores {
		s.rdb.AddHook(&trips)
	}
	for i := range b.N {
		wg.Go(func() {
			turn, ctx, err := stores[i%4].Begin(b.Context(), "hot", d)
			if err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			pause(2 * time.Millisecond)
			turn.Tracker.Record(clock, said("x"))
			if err := turn.Commit(ctx, Commit{}); err != nil {
				b.Error(err)
			}
		})
		pause(200 * time.Microsecond) // so that the order in which they are sent is known
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "turns/s")
	n, _ := trips.reset()
	b.ReportMetric(float64(n)/float64(b.N), "trips/turn")
	inversions := 0
	for i := range order {
		for _, later := range order[i+1:] {
			if later < order[i] {
				inversions++
			}
		}
	}
	if pairs := b.N * (b.N - 1) / 2; pairs > 0 {
		b.ReportMetric(100*float64(inversions)/float64(pairs), "%inverted")
	}
	if !slices.Contains(order, 0) {
		b.Error("the first turn is missing")
	}
}
