package trackerstore

import (
	"context"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"parley/lockstore"
)

// RedisConfig says where conversations and locks are kept, in the words of endpoints.yml.
type RedisConfig struct {
	// Server keeps the conversations.
	Server lockstore.RedisServer
	// Locks keeps the locks; nil, or the same server with whatever database: the conversations' server and database, where
	// a turn costs two round trips instead of four.
	Locks *lockstore.RedisServer
	// Import says where Rasa kept conversations that are to be imported when they are first used; nil: nowhere.
	Import *RasaSource
	// LockOptions are the numbers of the locks. Prefix and Log are those of RedisOptions unless they are set.
	LockOptions lockstore.RedisOptions
	// RedisOptions are the numbers of the conversations.
	RedisOptions
}

// RasaSource says where Rasa's own tracker store keeps its records.
type RasaSource struct {
	Server lockstore.RedisServer
	// Prefix is the key_prefix that Rasa had; "": none.
	Prefix string
}

// OpenRedis returns a store on the Redis servers of a configuration. It starts nothing and does not connect. Close closes its
// clients.
func OpenRedis(cfg RedisConfig) (*Redis, error) {
	rdb, err := cfg.Server.Connect()
	if err != nil {
		return nil, fmt.Errorf("tracker store: %w", err)
	}
	if f := cfg.Observer.Failed; f != nil {
		rdb.AddHook(failures{f})
	}
	closers := []func() error{rdb.Close}
	fail := func(err error) (*Redis, error) {
		for _, f := range closers {
			_ = f()
		}
		return nil, err
	}
	lockClient := rdb
	if cfg.Locks != nil && !cfg.Locks.Same(cfg.Server) {
		if lockClient, err = cfg.Locks.Connect(); err != nil {
			return fail(fmt.Errorf("lock store: %w", err))
		}
		closers = append(closers, lockClient.Close)
		if f := cfg.Observer.Failed; f != nil {
			lockClient.AddHook(failures{f})
		}
	} else if cfg.Locks != nil && cfg.Locks.Database() != cfg.Server.Database() && cfg.Log != nil {
		cfg.Log.Info("locks are kept beside the conversations, not in a database of their own",
			slog.Int("database", cfg.Server.Database()))
	}
	if cfg.LockOptions.Prefix == "" {
		cfg.LockOptions.Prefix = cfg.Prefix
	}
	if cfg.LockOptions.Log == nil {
		cfg.LockOptions.Log = cfg.Log
	}
	locks, err := lockstore.NewRedis(lockClient, cfg.LockOptions)
	if err != nil {
		return fail(err)
	}
	if cfg.Import != nil {
		records, err := OpenRasaRecords(cfg.Import.Server, cfg.Import.Prefix)
		if err != nil {
			return fail(err)
		}
		closers = append(closers, records.Close)
		if cfg.Prefix+":" == records.prefix {
			return fail(fmt.Errorf("tracker store: the prefix %q is that of Rasa's records: the keys would mix", cfg.Prefix))
		}
		cfg.Importer = records
	}
	r, err := NewRedis(rdb, locks, cfg.RedisOptions)
	if err != nil {
		return fail(err)
	}
	r.close = closers
	return r, nil
}

// Run runs what works behind the turns, until ctx ends: the Run of the locks, if they have one, the archiving of long
// histories, and the removal of expired conversations from the list. Without it turns wait by polling, end when their lease
// is over, histories stay as they were written, and expired ids stay listed in Redis though List leaves them out. End it
// after the last turn.
func (r *Redis) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if l, ok := r.locks.(interface{ Run(context.Context) error }); ok {
		g.Go(func() error { return l.Run(ctx) })
	}
	g.Go(func() error { return r.archive(ctx) })
	if r.opts.RecordExp > 0 || r.opts.Importer != nil { // what is imported may expire, too
		g.Go(func() error { return r.sweep(ctx) })
	}
	return g.Wait()
}
