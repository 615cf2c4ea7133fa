package trackerstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// Bounds of what goes through all conversations.
const (
	bulkPage     = 512 // keys that one SCAN looks at, roughly
	bulkParallel = 8   // conversations under way
)

// ImportCounts says what came of records. Each is counted once in the first six.
type ImportCounts struct {
	// Imported are those that became conversations, or would in a dry run.
	Imported int `json:"imported"`
	// Empty are those of them without an event: Rasa stores such a one when an unknown conversation is looked up.
	Empty int `json:"empty"`
	// Stored are left alone because there is such a conversation.
	Stored int `json:"stored"`
	// Settled are left alone because they were imported before, and the conversation has been deleted or has expired since.
	Settled int `json:"settled"`
	// Gone have expired meanwhile.
	Gone int `json:"gone"`
	// Damaged cannot be read.
	Damaged int `json:"damaged"`
	// Events and Bytes of what was imported.
	Events int   `json:"events"`
	Bytes  int64 `json:"bytes"`
}

// Records is the number of records that were looked at.
func (c ImportCounts) Records() int {
	return c.Imported + c.Stored + c.Settled + c.Gone + c.Damaged
}

// ScanState is how far a scan of all records is, so that it can go on after an interruption: by the address of each server.
type ScanState map[string]ScanNode

// ScanNode is how far the scan of one server is.
type ScanNode struct {
	// Run names the life of the server in which Cursor has a meaning: after a restart the scan begins anew.
	Run    string `json:"run"`
	Cursor uint64 `json:"cursor"`
	Done   bool   `json:"done"`
}

// BulkImport is how ImportAll goes about it.
type BulkImport struct {
	// DryRun reads everything and writes nothing.
	DryRun bool
	// From is where an earlier scan has ended; nil: nowhere.
	From ScanState
	// Progress is told after each page of records: from where on to resume, what came of the records since the beginning of
	// this scan, and roughly the part of it that is done, from 0 to 1. Its error ends the import.
	Progress func(at ScanState, counts ImportCounts, done float64) error
	// Damaged is told each record that cannot be read; called from several goroutines.
	Damaged func(senderID string, err error)
}

// ImportAll imports all records of which there is no conversation. What was imported before is left alone, so it may be run
// again, and while the store is in use; while Rasa is, what it adds afterwards is missed.
func (r *Redis) ImportAll(ctx context.Context, from *RasaRecords, how BulkImport) (ImportCounts, error) {
	b := &bulkImport{store: r, from: from, how: how}
	err := from.scan(ctx, how.From, func(ids []string, at ScanState, done float64) error {
		if err := b.page(ctx, ids); err != nil || how.Progress == nil {
			return err
		}
		return how.Progress(at, b.counts, done)
	})
	return b.counts, err
}

type bulkImport struct {
	store *Redis
	from  *RasaRecords
	how   BulkImport

	mu     sync.Mutex
	counts ImportCounts
}

// page imports the records of some ids.
func (b *bulkImport) page(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	known, err := b.store.known(ctx, ids)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(bulkParallel)
	for i, id := range ids {
		if known[i] != "" {
			b.count(known[i], Record{})
			continue
		}
		g.Go(func() error { return b.one(ctx, id) })
	}
	return g.Wait()
}

func (b *bulkImport) one(ctx context.Context, id string) error {
	rec, ok, err := b.from.Record(ctx, id)
	switch {
	case errors.Is(err, errRecord):
		b.count("damaged", rec)
		if b.how.Damaged != nil {
			b.how.Damaged(id, err)
		}
		return nil
	case err != nil:
		return err
	case !ok:
		b.count("gone", rec)
		return nil
	}
	result := importedRecord
	if !b.how.DryRun {
		if result, _, err = b.store.importRecord(ctx, id, rec); err != nil {
			return err
		}
	}
	b.count(result, rec)
	return nil
}

func (b *bulkImport) count(result string, rec Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &b.counts
	switch result {
	case importedRecord:
		c.Imported++
		c.Events += len(rec.Events)
		c.Bytes += int64(len(rec.JSON))
		if len(rec.Events) == 0 {
			c.Empty++
		}
	case storedRecord:
		c.Stored++
	case settledRecord:
		c.Settled++
	case "gone":
		c.Gone++
	default:
		c.Damaged++
	}
}

// scan goes through all records, page by page, one server after the other. A record that is there all along is found, perhaps
// more than once; one that a cluster moves meanwhile may be missed.
func (r *RasaRecords) scan(ctx context.Context, from ScanState, page func(ids []string, at ScanState, done float64) error) error {
	nodes, err := r.nodes(ctx)
	if err != nil {
		return failed(ctx, "find the servers with the records of Rasa", err)
	}
	at := ScanState{}
	for i, n := range nodes {
		size, err := n.rdb.DBSize(ctx).Result()
		if err != nil {
			return failed(ctx, "scan the records of Rasa", err)
		}
		node := from[n.name]
		if run := runID(ctx, n.rdb); node.Run != run || run == "" {
			node = ScanNode{Run: run}
		}
		for seen := 0; !node.Done; {
			keys, cursor, err := n.rdb.Scan(ctx, node.Cursor, globbed(r.prefix)+"*", bulkPage).Result()
			if err != nil {
				return failed(ctx, "scan the records of Rasa", err)
			}
			node.Cursor, node.Done = cursor, cursor == 0
			at[n.name] = node
			seen += bulkPage
			done := 1.0
			if !node.Done {
				done = min(float64(seen)/float64(max(size, 1)), 0.99)
			}
			if err := page(r.idsIn(keys), at, (float64(i)+done)/float64(len(nodes))); err != nil {
				return err
			}
		}
		at[n.name] = node
	}
	return nil
}

// idsIn are the sender ids of the records among keys.
func (r *RasaRecords) idsIn(keys []string) []string {
	ids := make([]string, 0, len(keys))
	for _, key := range keys {
		if id, ok := strings.CutPrefix(key, r.prefix); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids) // a page may name a key twice
}

// node is one server that keeps records.
type node struct {
	name string
	rdb  *redis.Client
}

// nodes are the servers that keep records, in a stable order.
func (r *RasaRecords) nodes(ctx context.Context) ([]node, error) {
	switch c := r.rdb.(type) {
	case *redis.Client:
		return []node{{c.Options().Addr, c}}, nil
	case *redis.ClusterClient:
		var mu sync.Mutex
		var all []node
		err := c.ForEachMaster(ctx, func(_ context.Context, m *redis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, node{m.Options().Addr, m})
			return nil
		})
		slices.SortFunc(all, func(a, b node) int { return cmp.Compare(a.name, b.name) })
		return all, err
	}
	return nil, errors.New("this kind of Redis cannot be scanned")
}

// runID names the life of a server, "" where it does not tell.
func runID(ctx context.Context, rdb *redis.Client) string {
	info, err := rdb.Info(ctx, "server").Result()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(info) {
		if id, ok := strings.CutPrefix(line, "run_id:"); ok {
			return strings.TrimSpace(id)
		}
	}
	return ""
}

// globbed is a text as a pattern that only it matches.
func globbed(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}
