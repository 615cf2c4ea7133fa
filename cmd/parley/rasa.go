package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/pflag"

	"parley/lockstore"
	"parley/project"
	"parley/trackerstore"
)

// rasaFlags say where the records of Rasa are, and in which endpoints file the tracker store of Parley is.
type rasaFlags struct {
	endpoints, url, prefix string
	db                     int
	flags                  *pflag.FlagSet
}

func (r *rasaFlags) register(f *pflag.FlagSet) {
	r.flags = f
	f.StringVar(&r.endpoints, "endpoints", defaultEndpoints, "`FILE` whose tracker_store is the one of Parley; its import section says where Rasa's records are")
	f.StringVar(&r.url, "url", "", "`URL` of the Redis with the records, such as redis://user:password@host:6379/0; not given: as in the endpoints file")
	f.IntVar(&r.db, "db", 0, "number of their database; not given: as in the endpoints file")
	annotate(f, "db", noDefault, "")
	f.StringVar(&r.prefix, "prefix", "", "key_prefix that Rasa has; not given: as in the endpoints file, or none")
}

// open opens the tracker store of the endpoints file and Rasa's records.
func (r *rasaFlags) open(ctx context.Context, a *app) (*trackerstore.Redis, *trackerstore.RasaRecords, error) {
	if !exists(r.endpoints) {
		return nil, nil, failure("The endpoints file '%s' does not exist. Please name the one that the server uses with '--endpoints'.", r.endpoints)
	}
	e, err := project.LoadEndpoints(r.endpoints)
	if err != nil {
		return nil, nil, err
	}
	if inMemory(e.TrackerStore) {
		return nil, nil, failure("%s names no tracker_store of type redis: there is nothing to work with.", r.endpoints)
	}
	cfg, err := a.redisConfig(e, nil)
	if err != nil {
		return nil, nil, err
	}
	cfg.Observer, cfg.LockOptions.Observer = trackerstore.Observer{}, lockstore.Observer{} // nobody reads the metrics
	cfg.Import = r.source(cfg)
	if r.flags.Changed("db") && cfg.Import.Server.Database() != r.db {
		return nil, nil, failure("'--db %d' is not the database that the URL of the server names; give '--url' without one.", r.db)
	}
	store, err := trackerstore.OpenRedis(cfg)
	if err != nil {
		return nil, nil, err
	}
	if err := store.Prepare(ctx); err != nil {
		_ = store.Close()
		return nil, nil, err
	}
	records, err := trackerstore.OpenRasaRecords(cfg.Import.Server, cfg.Import.Prefix)
	if err != nil {
		_ = store.Close()
		return nil, nil, err
	}
	a.log.Info("the records of Rasa", "where", records.String())
	return store, records, nil
}

// source is where the records are: what flags say wins over the endpoints file.
func (r *rasaFlags) source(cfg trackerstore.RedisConfig) *trackerstore.RasaSource {
	source := *cmp.Or(cfg.Import, &trackerstore.RasaSource{Server: cfg.Server})
	if r.flags.Changed("url") {
		source.Server = lockstore.RedisServer{URL: r.url, SocketTimeout: cfg.Server.SocketTimeout}
	}
	if r.flags.Changed("db") {
		source.Server.DB = r.db
	}
	if r.flags.Changed("prefix") {
		source.Prefix = r.prefix
	}
	return &source
}

// rasaSource reads where Rasa's own records are. What the section leaves out is as in the tracker store's, unless it names
// another server: then as with Rasa.
func (o *storeOptions) rasaSource(key string, store lockstore.RedisServer) *trackerstore.RasaSource {
	value := o.option(key)
	if value == nil {
		return nil
	}
	options, ok := value.(map[string]any)
	if !ok {
		o.wrong(key, "a section with the key rasa_prefix", value)
		return nil
	}
	if _, ok := options["rasa_prefix"]; !ok {
		o.wrong(key, `a section with the key rasa_prefix ("": Rasa had no key_prefix)`, slices.Sorted(maps.Keys(options)))
		return nil
	}
	in := &storeOptions{section: o.section + "." + key, config: &project.StoreConfig{
		Options: options, File: o.config.File, Line: o.config.Line,
	}}
	source := &trackerstore.RasaSource{Prefix: in.text("rasa_prefix"), Server: in.server()}
	if source.Server.URL == "" {
		other := source.Server
		source.Server = store
		if _, given := options["db"]; given {
			source.Server.DB = other.DB
			if source.Server.Database() != other.DB {
				in.wrong("db", "that of the tracker store, whose url names it, unless there is a url here, too", other.DB)
			}
		}
		other.DB = 0
		if other != (lockstore.RedisServer{}) && in.err == nil {
			in.err = at(o.config.File, o.config.Line, fmt.Errorf("%s: without url only rasa_prefix and db are of use: "+
				"the server is that of the tracker store", in.section))
		}
	}
	if err := in.done(); err != nil && o.err == nil {
		o.err = err
	}
	return source
}
