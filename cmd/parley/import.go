package main

import (
	"fmt"
	"maps"
	"slices"

	"parley/lockstore"
	"parley/project"
	"parley/trackerstore"
)

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
