package trackerstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"parley/dialogue"
	"parley/livetest"
	"parley/lockstore"
)

// importAll imports all records of a migration.
func importAll(t *testing.T, m *migration, how BulkImport) ImportCounts {
	t.Helper()
	counts, err := m.ImportAll(t.Context(), m.records, how)
	if err != nil {
		t.Fatalf("ImportAll: %v", err)
	}
	return counts
}

// TestFixturesRoundTrip imports what the reference has written and exports it: every record must come out as it went in, by
// way of a turn as well as in bulk, compressed or archived.
func TestFixturesRoundTrip(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		opts RedisOptions
		lazy bool
	}{
		"in bulk": {}, "by a turn": {lazy: true}, "compressed": {opts: RedisOptions{Compress: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, addr string) {
				m := newMigration(t, addr, tc.opts)
				fixtures := rasaFixtures(t)
				for _, f := range fixtures {
					m.put(t, f.senderID(), f.Value, time.Duration(max(f.TTL, 0))*time.Second)
					if !tc.lazy {
						continue
					}
					turn, _, err := m.Begin(t.Context(), f.senderID(), testDomain())
					if err != nil {
						t.Fatal(err)
					}
					turn.Abort()
				}
				want := ImportCounts{Imported: len(fixtures)}
				if tc.lazy {
					want = ImportCounts{Stored: len(fixtures)}
				}
				got := importAll(t, m, BulkImport{})
				if !tc.lazy && (got.Empty == 0 || got.Events == 0 || got.Bytes == 0) {
					t.Errorf("counted %+v", got)
				}
				got.Empty, got.Events, got.Bytes = 0, 0, 0
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("counts (-want +got):\n%s", diff)
				}
				back := exportTo(t, m, BulkExport{}, ExportCounts{Written: len(fixtures)})
				for _, f := range fixtures {
					id := f.senderID()
					value, err := back.rdb.Get(t.Context(), back.prefix+id).Result()
					if err != nil {
						t.Fatalf("%s: %v", f.Key, err)
					}
					want := f.Value
					if name, ok := strings.CutSuffix(id, "-prefixed"); ok { // the test has renamed it
						want = strings.Replace(want, `"name": "`+name+`"}`, `"name": "`+id+`"}`, 1)
					}
					if diff := cmp.Diff(want, value); diff != "" {
						t.Errorf("%s (-want +got):\n%s", f.Key, diff)
					}
					life, err := back.rdb.TTL(t.Context(), back.prefix+id).Result()
					if f.TTL < 0 && life != -1 || f.TTL > 0 && (life > time.Duration(f.TTL)*time.Second || life < time.Duration(f.TTL-300)*time.Second) {
						t.Errorf("%s: it is kept for %s, was for %d s, %v", f.Key, life, f.TTL, err)
					}
				}
			})
		})
	}
}

// exportTo exports all conversations of a migration to records under another prefix, and holds the counts against want.
func exportTo(t *testing.T, m *migration, how BulkExport, want ExportCounts) *RasaRecords {
	t.Helper()
	back, err := OpenRasaRecords(m.config.Import.Server, m.prefix+"back")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = back.Close() })
	got, err := m.ExportAll(t.Context(), back, how)
	if err != nil {
		t.Fatalf("ExportAll: %v", err)
	}
	got.Events = 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts of the export (-want +got):\n%s", diff)
	}
	return back
}

// TestExportWritesAsRasa continues a conversation of Rasa, with text that must be escaped, over several sessions.
func TestExportWritesAsRasa(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		m := newMigration(t, addr, RedisOptions{Compress: true, MaxClosedFrames: 1, MaxClosedBytes: 1})
		m.put(t, "anna", rasaSaid("anna", "hello"), 0)
		m.turn(t, "anna", "naïve \"✓\" \U0001F339 \\ \x7f \n/")
		back := exportTo(t, m, BulkExport{}, ExportCounts{Written: 1})
		value, err := back.rdb.Get(t.Context(), back.prefix+"anna").Result()
		if err != nil {
			t.Fatal(err)
		}
		rec, err := readRecord([]byte(value))
		if err != nil {
			t.Fatal(err)
		}
		tracker, _, err := m.Read(t.Context(), "anna", testDomain(), AllSessions)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(eventsJSON(tracker.Events(0)), eventsJSON(rec.Events)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if !strings.HasPrefix(value, strings.TrimSuffix(rasaSaid("anna", "hello"), `], "name": "anna"}`)) {
			t.Errorf("what Rasa wrote has changed: %s", value)
		}
		const text = `"text": "na\u00efve \"\u2713\" \ud83c\udf39 \\ \u007f \n/", `
		if !strings.Contains(value, text) {
			t.Errorf("%s is not in %s", text, value)
		}
		exportTo(t, m, BulkExport{}, ExportCounts{Same: 1})
		m.turn(t, "anna", "more")
		exportTo(t, m, BulkExport{}, ExportCounts{Kept: 1})
		exportTo(t, m, BulkExport{Replace: true, DryRun: true}, ExportCounts{Written: 1})
		exportTo(t, m, BulkExport{}, ExportCounts{Kept: 1})
		exportTo(t, m, BulkExport{Replace: true}, ExportCounts{Written: 1})
		exportTo(t, m, BulkExport{}, ExportCounts{Same: 1})
	})
}

func TestExportCountsWhatIsDamaged(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		m := newMigration(t, addr, RedisOptions{})
		m.turn(t, "anna", "hello")
		m.turn(t, "bert", "hello")
		if err := m.Redis.rdb.LSet(t.Context(), m.Redis.keys.frames("bert"), -1, "nonsense").Err(); err != nil {
			t.Fatal(err)
		}
		var damaged []string
		exportTo(t, m, BulkExport{Damaged: func(id string, _ error) { damaged = append(damaged, id) }}, ExportCounts{Written: 1, Damaged: 1})
		if diff := cmp.Diff([]string{"bert"}, damaged); diff != "" {
			t.Errorf("damaged (-want +got):\n%s", diff)
		}
	})
}

func TestImportAllLeavesAloneWhatIsThere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		m := newMigration(t, addr, RedisOptions{})
		for id, value := range map[string]string{
			"new": rasaSaid("new", "hello"), "stored": rasaSaid("stored", "of Rasa"), "deleted": rasaSaid("deleted", "hello"),
			"pickled": "\x80\x04", "empty": string(rasaRecord("empty", nil)), "*[?": rasaSaid("x", "odd"),
		} {
			m.put(t, id, value, 0)
		}
		m.turn(t, "deleted", "continued")
		if err := m.Delete(t.Context(), "deleted"); err != nil {
			t.Fatal(err)
		}
		m.put(t, "deleted", rasaSaid("deleted", "hello"), 0)
		ours := openRedis(t, addr, RedisConfig{RedisOptions: RedisOptions{Prefix: m.opts.Prefix}}) // without import
		turn, ctx, err := ours.Begin(t.Context(), "stored", testDomain())
		if err != nil {
			t.Fatal(err)
		}
		turn.Tracker.Record(clock, said("of ours"))
		if err := turn.Commit(ctx, Commit{}); err != nil {
			t.Fatal(err)
		}

		var told atomic.Int32
		how := BulkImport{DryRun: true, Damaged: func(id string, err error) {
			told.Add(1)
			if id != "pickled" || !errors.Is(err, errRecord) {
				t.Errorf("damaged is %q: %v", id, err)
			}
		}}
		check := func(name string, want ImportCounts) {
			t.Helper()
			got := importAll(t, m, how)
			got.Bytes = 0
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		before := len(m.stored(t))
		first := ImportCounts{Imported: 3, Empty: 1, Stored: 1, Settled: 1, Damaged: 1, Events: 2}
		check("dry run", first)
		if n := len(m.stored(t)); n != before {
			t.Errorf("a dry run has written %d keys", n-before)
		}
		how.DryRun = false
		check("first run", first)
		check("second run", ImportCounts{Stored: 4, Settled: 1, Damaged: 1})
		if told.Load() != 3 {
			t.Errorf("the damaged record was told %d times in 3 runs", told.Load())
		}
		for id, want := range map[string][]string{"new": {"hello"}, "stored": {"of ours"}, "*[?": {"odd"}, "empty": {}} {
			tracker, ok, err := ours.Read(t.Context(), id, testDomain(), AllSessions)
			if err != nil || !ok {
				t.Errorf("Read %s: %v, %v", id, ok, err)
				continue
			}
			if diff := cmp.Diff(want, texts(tracker)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", id, diff)
			}
		}
	})
}

// fill writes records.
func fill(m *migration, n int) func(redis.Pipeliner) error {
	return func(p redis.Pipeliner) error {
		for i := range n {
			p.Set(context.Background(), fmt.Sprintf("%s:tracker:%d", m.prefix, i), rasaSaid(fmt.Sprint(i), "hello"), 0)
		}
		return nil
	}
}

// TestImportAllResumes breaks an import off after each page and goes on from where it was.
func TestImportAllResumes(t *testing.T) {
	t.Parallel()
	addr := livetest.SharedRedis(t)
	m := newMigration(t, addr, RedisOptions{})
	const records = 3000
	_, err := m.rdb.Pipelined(t.Context(), fill(m, records))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken off")
	var at ScanState
	sum, last, runs := ImportCounts{}, 0.0, 0
	for err = broken; errors.Is(err, broken); runs++ {
		var counts ImportCounts
		counts, err = m.ImportAll(t.Context(), m.records, BulkImport{From: at, Progress: func(now ScanState, _ ImportCounts, done float64) error {
			data, err := json.Marshal(now) // as it would be kept in a file
			if err != nil {
				return err
			}
			at = nil
			if err := json.Unmarshal(data, &at); err != nil {
				return err
			}
			last = done
			return broken
		}})
		sum.Imported += counts.Imported
		sum.Stored += counts.Stored
	}
	if err != nil || last != 1 || runs < 5 {
		t.Errorf("after %d runs at %v: %v", runs, last, err)
	}
	// What another test adds to the same server may show a few records twice; none may be missing.
	if sum.Imported != records || sum.Stored > records/2 {
		t.Errorf("imported %d of %d records, found %d again", sum.Imported, records, sum.Stored)
	}
	for name, n := range at {
		n.Run, n.Cursor, n.Done = "another life", 17, true
		at[name] = n
	}
	if counts := importAll(t, m, BulkImport{From: at}); counts.Stored != records {
		t.Errorf("after a restart of the server %d of %d records were looked at", counts.Stored, records)
	}
}

func TestImportAllOfACluster(t *testing.T) {
	t.Parallel()
	addrs := startCluster(t)
	m := newMigration(t, addrs, RedisOptions{})
	for i := range 50 {
		m.put(t, fmt.Sprint(i), rasaSaid(fmt.Sprint(i), "hello"), 0)
	}
	if counts := importAll(t, m, BulkImport{}); counts.Imported != 50 {
		t.Errorf("imported %+v, want 50", counts)
	}
	if counts := importAll(t, m, BulkImport{}); counts.Stored != 50 {
		t.Errorf("imported again %+v, want 50 stored", counts)
	}
	exportTo(t, m, BulkExport{}, ExportCounts{Written: 50})
}

// TestImportAllMeetsATurn imports a conversation that began anew in the meantime: the turn is refused and runs again, with the
// history.
func TestImportAllMeetsATurn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		m := newMigration(t, addr, RedisOptions{})
		m.put(t, "anna", rasaSaid("anna", "hello"), 0)
		ours := openRedis(t, addr, RedisConfig{RedisOptions: RedisOptions{Prefix: m.opts.Prefix}})
		turn, ctx, err := ours.Begin(t.Context(), "anna", testDomain())
		if err != nil {
			t.Fatal(err)
		}
		importAll(t, m, BulkImport{})
		turn.Tracker.Record(clock, said("second"))
		if err := turn.Commit(ctx, Commit{}); !errors.Is(err, ErrConflict) {
			t.Errorf("Commit: %v, want ErrConflict", err)
		}
		if diff := cmp.Diff([]string{"hello"}, m.turn(t, "anna", "second")); diff != "" {
			t.Errorf("the turn sees (-want +got):\n%s", diff)
		}
	})
}

func TestOpenRasaRecordsRefusesPrefixesThatRasaIgnores(t *testing.T) {
	t.Parallel()
	for prefix, ok := range map[string]bool{"": true, "shop": true, "büro2": true, "a-b": false, "a:b": false, "a b": false} {
		r, err := OpenRasaRecords(lockstore.RedisServer{}, prefix)
		if (err == nil) != ok {
			t.Errorf("%q: %v", prefix, err)
		}
		if err == nil {
			_ = r.Close()
		}
	}
}

func FuzzRasaJSON(f *testing.F) {
	for _, s := range []string{`[]`, `{"a":[1,2.50,{}],"b":"\ud800 é\/\u00E9\b"}`, `"\u"`, `"a`, "\"\xff\"", `"` + "\x7f" + `"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		once := appendRasaJSON(nil, data)
		if !json.Valid(data) {
			return
		}
		if !json.Valid(once) {
			t.Fatalf("%q became %q", data, once)
		}
		if again := appendRasaJSON(nil, once); !bytes.Equal(once, again) {
			t.Errorf("%q is written again as %q", once, again)
		}
		for _, c := range once {
			if c < ' ' || c > '~' {
				t.Errorf("%q holds the byte %#x", once, c)
			}
		}
		var want, got any
		if json.Unmarshal(data, &want) != nil || json.Unmarshal(once, &got) != nil {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", data, diff)
		}
	})
}

// TestImportedConversationIsReplacedAndDeleted replaces what was imported (PUT) and deletes it: no key may be left with its id.
func TestImportedConversationIsReplacedAndDeleted(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, addr string) {
		m := newMigration(t, addr, RedisOptions{MaxClosedFrames: 1, MaxClosedBytes: 1})
		for _, f := range rasaFixtures(t) {
			id := f.senderID() + newCommitID()
			m.put(t, id, f.Value, 0)
			turn, ctx, err := m.Begin(WithRequest(t.Context(), Request{Key: "k", Body: "b"}), id, testDomain())
			if err != nil {
				t.Fatalf("%s: %v", f.Key, err)
			}
			turn.Tracker = dialogue.NewTracker(id, testDomain())
			turn.Tracker.Record(clock, said("alone"))
			if err := turn.Commit(ctx, Commit{Replace: true, Reply: []byte("r")}); err != nil {
				t.Fatalf("%s: %v", f.Key, err)
			}
			tracker, _, err := m.Read(t.Context(), id, testDomain(), AllSessions)
			if err != nil {
				t.Fatalf("%s: %v", f.Key, err)
			}
			if tracker.Len() != 1 {
				t.Errorf("%s: after replacing it by one event it holds %d", f.Key, tracker.Len())
			}
			if err := m.Delete(t.Context(), id); err != nil {
				t.Errorf("%s: %v", f.Key, err)
			}
			for _, rdb := range []redis.UniversalClient{m.rdb, m.Redis.rdb} {
				keys, _, err := rdb.Scan(t.Context(), 0, "*"+globbed(id)+"*", 1_000_000).Result()
				if err != nil || len(keys) > 0 {
					t.Errorf("%s: %q are left, %v", f.Key, keys, err)
				}
			}
		}
		ids, _, err := m.List(t.Context(), "", 100)
		if err != nil || len(ids) > 0 {
			t.Errorf("%q are still listed, %v", ids, err)
		}
	})
}
