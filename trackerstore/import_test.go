package trackerstore

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"parley/dialogue"
	"parley/livetest"
	"parley/lockstore"
)

// onBoth runs a test on miniredis and on a real Redis.
func onBoth(t *testing.T, test func(t *testing.T, addr string)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, miniredis.RunT(t).Addr())
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, livetest.SharedRedis(t))
	})
}

// migration is a store beside the records of Rasa that it imports.
type migration struct {
	*Redis
	rdb     redis.UniversalClient // where the records are
	records *RasaRecords
	prefix  string // of the records
	config  RedisConfig
}

// newMigration opens a store that imports records from another database of the same server, or from the same cluster.
func newMigration(t *testing.T, addr string, opts RedisOptions) *migration {
	t.Helper()
	opts.Prefix = testPrefix(t)
	m := &migration{prefix: "rasa" + strings.Map(func(c rune) rune {
		if c == '-' || c == '_' {
			return 'x'
		}
		return c
	}, newCommitID())}
	server := lockstore.RedisServer{URL: addr, DB: 1, SocketTimeout: time.Minute}
	if strings.Contains(addr, ",") {
		server.DB = 0
	}
	m.config = RedisConfig{Import: &RasaSource{Server: server, Prefix: m.prefix}, RedisOptions: opts}
	m.Redis = openRedis(t, addr, m.config)
	m.records, _ = m.opts.Importer.(*RasaRecords)
	m.rdb = m.records.rdb
	return m
}

// put stores a record as Rasa does.
func (m *migration) put(t *testing.T, senderID, value string, life time.Duration) {
	t.Helper()
	if err := m.rdb.Set(t.Context(), m.prefix+":tracker:"+senderID, value, life).Err(); err != nil {
		t.Fatal(err)
	}
}

// stored are the keys that the store has written, without those that are not about conversations.
func (m *migration) stored(t *testing.T) []string {
	t.Helper()
	keys, err := m.Redis.rdb.Keys(t.Context(), strings.NewReplacer("*", `\*`, "[", `\[`).Replace(m.opts.Prefix)+":*").Result()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, k := range keys {
		if k != m.Redis.keys.conf() && k != m.Redis.keys.sweep() {
			found = append(found, k)
		}
	}
	return found
}

// turn runs a turn with one message and returns what the tracker held before.
func (m *migration) turn(t *testing.T, senderID, text string) []string {
	t.Helper()
	turn, ctx, err := m.Begin(t.Context(), senderID, testDomain())
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	before := texts(turn.Tracker)
	turn.Tracker.Record(clock, said(text))
	if err := turn.Commit(ctx, Commit{}); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	return before
}

// rasaSaid is a record with one message.
func rasaSaid(senderID, text string) string {
	return string(rasaRecord(senderID, [][]byte{[]byte(`[{"event":"user","timestamp":1.5,"metadata":{},"text":"` + text +
		`","parse_data":{"intent":{"name":"greet","confidence":1.0},"entities":[]},"input_channel":"rest","message_id":"1"}]`)}))
}

func TestReadShowsWhatIsYetToBeImported(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		m := newMigration(t, addr, RedisOptions{})
		m.put(t, "anna", rasaSaid("anna", "hello"), 0)
		for _, scope := range []Scope{LatestSession, AllSessions} {
			tracker, ok, err := m.Read(t.Context(), "anna", testDomain(), scope)
			if err != nil || !ok {
				t.Fatalf("Read: %v, %v", ok, err)
			}
			if diff := cmp.Diff([]string{"hello"}, texts(tracker)); diff != "" {
				t.Errorf("texts (-want +got):\n%s", diff)
			}
		}
		if _, ok, err := m.Read(t.Context(), "bert", testDomain(), AllSessions); ok || err != nil {
			t.Errorf("Read of an unknown conversation: %v, %v", ok, err)
		}
		if keys := m.stored(t); len(keys) > 0 {
			t.Errorf("the reads have written %q", keys)
		}
	})
}

func TestTurnImportsOnce(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]RedisOptions{
		"as it is": {}, "compressed": {Compress: true, CacheBytes: -1}, "without a cache": {CacheBytes: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, addr string) {
				m := newMigration(t, addr, opts)
				long := strings.Repeat("hello ", 200)
				m.put(t, "anna", rasaSaid("anna", long), 0)
				if diff := cmp.Diff([]string{long}, m.turn(t, "anna", "second")); diff != "" {
					t.Errorf("the first turn sees (-want +got):\n%s", diff)
				}
				m.put(t, "anna", rasaSaid("anna", "grafted on"), 0)
				if diff := cmp.Diff([]string{long, "second"}, m.turn(t, "anna", "third")); diff != "" {
					t.Errorf("the second turn sees (-want +got):\n%s", diff)
				}
				other := openRedis(t, addr, m.config)
				tracker, _, err := other.Read(t.Context(), "anna", testDomain(), AllSessions)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]string{long, "second", "third"}, texts(tracker)); diff != "" {
					t.Errorf("another worker sees (-want +got):\n%s", diff)
				}
				ids, _, err := m.List(t.Context(), "", 10)
				if diff := cmp.Diff([]string{"anna"}, ids); diff != "" || err != nil {
					t.Errorf("List: %v (-want +got):\n%s", err, diff)
				}
			})
		})
	}
}

func TestDeletedConversationIsNotImportedAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		for name, before := range map[string]func(*migration){
			"untouched": func(*migration) {},
			"continued": func(m *migration) { m.turn(t, "anna-17", "second") },
		} {
			m := newMigration(t, addr, RedisOptions{})
			m.put(t, "anna-17", rasaSaid("anna-17", "hello"), 0)
			before(m)
			if err := m.Delete(t.Context(), "anna-17"); err != nil {
				t.Fatalf("%s: Delete: %v", name, err)
			}
			for _, rdb := range []redis.UniversalClient{m.rdb, m.Redis.rdb} {
				keys, err := rdb.Keys(t.Context(), "*anna-17*").Result()
				if err != nil || len(keys) > 0 {
					t.Errorf("%s: %q are left, %v", name, keys, err)
				}
			}
			// Also when the record is there again, as a restored backup has it.
			m.put(t, "anna-17", rasaSaid("anna-17", "hello"), 0)
			if _, ok, err := m.Read(t.Context(), "anna-17", testDomain(), AllSessions); ok || err != nil {
				t.Errorf("%s: Read: %v, %v", name, ok, err)
			}
			if before := m.turn(t, "anna-17", "anew"); len(before) > 0 {
				t.Errorf("%s: the next turn sees %q", name, before)
			}
			if err := m.Delete(t.Context(), "anna-17"); err != nil {
				t.Errorf("%s: Delete: %v", name, err)
			}
			if err := m.Delete(t.Context(), "anna-17"); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: Delete of what is gone: %v", name, err)
			}
		}
	})
}

// TestExpiredConversationIsNotImportedAgain lets a conversation expire whose record stays.
func TestExpiredConversationIsNotImportedAgain(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	m := newMigration(t, server.Addr(), RedisOptions{RecordExp: time.Minute, CacheBytes: -1})
	m.put(t, "anna", rasaSaid("anna", "hello"), 0)
	m.turn(t, "anna", "second")
	server.FastForward(2 * time.Minute)
	if before := m.turn(t, "anna", "anew"); len(before) > 0 {
		t.Errorf("the next turn sees %q", before)
	}
}

func TestImportKeepsTheRemainingTime(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		life := func(m *migration) time.Duration {
			var least time.Duration
			for i, key := range []string{m.Redis.keys.meta("anna"), m.Redis.keys.frames("anna")} {
				d, err := m.Redis.rdb.PTTL(t.Context(), key).Result()
				if err != nil {
					t.Fatal(err)
				}
				if i == 0 || d < least {
					least = d
				}
			}
			return least
		}
		m := newMigration(t, addr, RedisOptions{RecordExp: 3 * time.Hour})
		m.put(t, "anna", rasaSaid("anna", "hello"), time.Hour)
		turn, _, err := m.Begin(t.Context(), "anna", testDomain())
		if err != nil {
			t.Fatal(err)
		}
		turn.Abort()
		if d := life(m); d < 50*time.Minute || d > time.Hour {
			t.Errorf("an imported conversation is kept for %s, want the hour that it had left", d)
		}
		if m.turn(t, "anna", "second"); life(m) < 2*time.Hour {
			t.Errorf("a continued conversation is kept for %s, want the three hours of record_exp", life(m))
		}
		m = newMigration(t, addr, RedisOptions{})
		m.put(t, "anna", rasaSaid("anna", "hello"), time.Hour)
		if m.turn(t, "anna", "second"); life(m) != -1 {
			t.Errorf("a continued conversation is kept for %s, want for ever", life(m))
		}
	})
}

func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		m := newMigration(t, addr, RedisOptions{})
		for name, tc := range map[string]struct{ value, says string }{
			"pickled":          {"\x80\x04\x95\x1c\x00\x00\x00", "pickled by an old version of Rasa"},
			"empty":            {"", "unexpected end of JSON input"},
			"no JSON":          {"ccopy_reg\n_reconstructor", "invalid character"},
			"cut off":          {rasaSaid("x", "hello")[:100], "unexpected end of JSON input"},
			"no events":        {`{"name": "x"}`, "no events"},
			"null events":      {`{"events": null, "name": "x"}`, "no events"},
			"a list":           {`[]`, "cannot unmarshal array"},
			"an unknown event": {`{"events": [{"event": "dance"}], "name": "x"}`, `unknown event type "dance"`},
			"events no list":   {`{"events": {}, "name": "x"}`, "want a list"},
		} {
			m.put(t, name, tc.value, 0)
			turn, _, err := m.Begin(t.Context(), name, testDomain())
			if err == nil {
				turn.Abort()
			}
			_, _, readErr := m.Read(t.Context(), name, testDomain(), LatestSession)
			for doing, err := range map[string]error{"Begin": err, "Read": readErr} {
				if err == nil || !strings.Contains(err.Error(), tc.says) || !errors.Is(err, errRecord) || errors.Is(err, ErrUnavailable) {
					t.Errorf("%s: %s: %v, want an error with %q", name, doing, err, tc.says)
				}
			}
			if err := m.Delete(t.Context(), name); err != nil {
				t.Errorf("%s: Delete: %v", name, err)
			}
			if before := m.turn(t, name, "anew"); len(before) > 0 {
				t.Errorf("%s: after Delete the turn sees %q", name, before)
			}
		}
		if err := m.rdb.HSet(t.Context(), m.prefix+":tracker:hash", "a", "b").Err(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := m.Begin(t.Context(), "hash", testDomain()); !errors.Is(err, errRecord) {
			t.Errorf("Begin where something else is stored: %v", err)
		}
	})
}

// TestStoreOfRasaIsAway wants an error that says that nothing was stored, not an empty conversation.
func TestStoreOfRasaIsAway(t *testing.T) {
	t.Parallel()
	server, rasa := miniredis.RunT(t), miniredis.RunT(t)
	r := openRedis(t, server.Addr(), RedisConfig{Import: &RasaSource{Server: lockstore.RedisServer{URL: rasa.Addr()}}})
	if err := r.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	rasa.SetError("LOADING Redis is loading the dataset in memory")
	_, _, begin := r.Begin(t.Context(), "anna", testDomain())
	_, _, read := r.Read(t.Context(), "anna", testDomain(), LatestSession)
	for doing, err := range map[string]error{
		"Begin": begin, "Read": read, "Delete": r.Delete(t.Context(), "anna"), "Prepare": r.Prepare(t.Context()),
	} {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", doing, err)
		}
	}
	rasa.SetError("")
	turn, _, err := r.Begin(t.Context(), "anna", testDomain())
	if err != nil {
		t.Fatalf("Begin: %v: the conversation was not given back", err)
	}
	turn.Abort()
}

// pausing is an importer that stops after it has looked for a record.
type pausing struct {
	Importer
	found, proceed chan struct{}
}

func (p *pausing) Record(ctx context.Context, senderID string) (Record, bool, error) {
	rec, ok, err := p.Importer.Record(ctx, senderID)
	close(p.found)
	<-p.proceed
	return rec, ok, err
}

// TestWorkersRaceToImport stops a worker between its look at the record and the import, with its lock gone, while others act.
func TestWorkersRaceToImport(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		for name, tc := range map[string]struct {
			meanwhile func(*testing.T, *migration)
			want      []string
		}{
			"imported and continued": {func(t *testing.T, m *migration) { m.turn(t, "anna", "second") }, []string{"hello", "second"}},
			"imported and deleted": {func(t *testing.T, m *migration) {
				if err := m.Delete(t.Context(), "anna"); err != nil {
					t.Error(err)
				}
			}, []string{}},
		} {
			m := newMigration(t, addr, RedisOptions{})
			m.put(t, "anna", rasaSaid("anna", "hello"), 0)
			stopped := &pausing{m.records, make(chan struct{}), make(chan struct{})}
			cfg := m.config
			cfg.Import, cfg.Importer = nil, stopped
			slow := openRedis(t, addr, cfg)
			ended := make(chan error, 1)
			go func() {
				turn, ctx, err := slow.Begin(t.Context(), "anna", testDomain())
				if err == nil {
					if diff := cmp.Diff(tc.want, texts(turn.Tracker)); diff != "" {
						t.Errorf("%s: the late worker sees (-want +got):\n%s", name, diff)
					}
					turn.Tracker.Record(clock, said("late"))
					err = turn.Commit(ctx, Commit{})
				}
				ended <- err
			}()
			<-stopped.found
			if err := m.Redis.rdb.Del(t.Context(), slow.fused.GiveKeys("anna")[0]).Err(); err != nil {
				t.Fatal(err)
			}
			tc.meanwhile(t, m)
			close(stopped.proceed)
			late := <-ended // it may have learnt of the loss of its lock
			if late != nil && !errors.Is(late, ErrConflict) {
				t.Errorf("%s: the late worker: %v", name, late)
			}
			tracker, _, err := m.Read(t.Context(), "anna", testDomain(), AllSessions)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			if tracker != nil {
				got = texts(tracker)
			}
			want := tc.want
			if late == nil {
				want = append(want, "late")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: stored (-want +got):\n%s", name, diff)
			}
		}
	})
}

// rasaFixture is a key that Rasa has written.
type rasaFixture struct {
	Key   string `json:"key"`
	TTL   int    `json:"ttl"`
	Value string `json:"value"`
}

// senderID is the id in a key with or without a prefix.
func (f rasaFixture) senderID() string {
	_, id, _ := strings.Cut(f.Key, "tracker:")
	return id
}

// rasaFixtures are records that the reference has written.
func rasaFixtures(t *testing.T) []rasaFixture {
	t.Helper()
	const dir = "../../shared/conformance/fixtures/"
	read := func(name string, v any) {
		data, err := os.ReadFile(dir + name)
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("the records of the reference are not here: " + dir + name)
		}
		if err == nil {
			err = json.Unmarshal(data, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var plain []rasaFixture
	read("redis-tracker-store.json", &plain)
	var prefixed struct{ Tracker []rasaFixture }
	read("redis-prefix.json", &prefixed)
	for _, f := range prefixed.Tracker {
		f.Key += "-prefixed"
		plain = append(plain, f)
	}
	if len(plain) < 15 {
		t.Fatalf("there are only %d records", len(plain))
	}
	return plain
}

func TestFixturesAreImported(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		m := newMigration(t, addr, RedisOptions{})
		for _, f := range rasaFixtures(t) {
			id := f.senderID()
			m.put(t, id, f.Value, time.Duration(max(f.TTL, 0))*time.Second)
			rec, err := readRecord([]byte(f.Value))
			if err != nil {
				t.Fatal(err)
			}
			turn, _, err := m.Begin(t.Context(), id, testDomain())
			if err != nil {
				t.Fatalf("%s: %v", f.Key, err)
			}
			turn.Abort()
			if !turn.Exists {
				t.Errorf("%s: the turn does not find the conversation", f.Key)
			}
			tracker, ok, err := m.Read(t.Context(), id, testDomain(), AllSessions)
			if err != nil || !ok {
				t.Fatalf("%s: %v, %v", f.Key, ok, err)
			}
			if diff := cmp.Diff(eventsJSON(rec.Events), eventsJSON(tracker.Events(0))); diff != "" {
				t.Errorf("%s: events (-want +got):\n%s", f.Key, diff)
			}
		}
	})
}

// eventsJSON is how the API shows events.
func eventsJSON(events []dialogue.Event) []string {
	list := []string{}
	for _, e := range events {
		list = append(list, string(dialogue.AppendEventJSON(nil, e)))
	}
	return list
}
