package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/lockstore"
	"parley/metrics"
	"parley/project"
	"parley/trackerstore"
)

func TestRedisOptionsAreRasas(t *testing.T) {
	t.Parallel()
	options := map[string]any{
		"url": "redis.example", "port": 6380, "db": "2", "username": "bot", "password": 12345, "key_prefix": "shop",
		"use_ssl": true, "record_exp": 0.5,
	}
	e := &project.Endpoints{
		TrackerStore: &project.StoreConfig{Type: "Redis", Options: options},
		LockStore:    &project.StoreConfig{Type: "redis", Options: map[string]any{"url": "redis.example", "port": 6380, "username": "bot", "password": "12345", "use_ssl": "true"}},
	}
	cfg, err := testApp(t).redisConfig(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := lockstore.RedisServer{URL: "redis.example", Port: 6380, DB: 2, Username: "bot", Password: "12345", UseSSL: true}
	if diff := cmp.Diff(want, cfg.Server); diff != "" {
		t.Errorf("server (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&want, cfg.Locks); diff != "" {
		t.Errorf("locks (-want +got):\n%s", diff)
	}
	if cfg.Prefix != "shop" || cfg.RecordExp != 500*time.Millisecond {
		t.Errorf("prefix %q, record_exp %s", cfg.Prefix, cfg.RecordExp)
	}
}

func TestOpenStoreRefusesWhatItDoesNotHave(t *testing.T) {
	t.Parallel()
	store := func(kind string, keys ...any) *project.StoreConfig {
		c := &project.StoreConfig{Type: kind, Options: map[string]any{}, File: "endpoints.yml", Line: 7}
		for i := 0; i < len(keys); i += 2 {
			c.Options[keys[i].(string)] = keys[i+1] //nolint:forcetypeassert // written below
		}
		return c
	}
	for _, tc := range []struct {
		name string
		e    project.Endpoints
		says string
	}{
		{"a broker", project.Endpoints{EventBroker: store("kafka")}, "event_broker"},
		{"a lock store alone", project.Endpoints{LockStore: store("redis")}, "lock_store"},
		{"sql", project.Endpoints{TrackerStore: store("sql")}, `"sql" is not part of this version`},
		{"an unknown key", project.Endpoints{TrackerStore: store("redis", "prot", 1)}, `"prot" is unknown`},
		{"an import of nothing", project.Endpoints{TrackerStore: store("redis", "import", "yes")}, "import must be a section with the key rasa_prefix, not yes"},
		{"an import without a prefix", project.Endpoints{TrackerStore: store("redis", "import", map[string]any{"db": 1})}, "import must be a section with the key rasa_prefix"},
		{"an import with an unknown key", project.Endpoints{TrackerStore: store("redis", "import", map[string]any{"rasa_prefix": "", "prefix": "x"})}, `tracker_store.import: the key "prefix" is unknown`},
		{"an import with half a server", project.Endpoints{TrackerStore: store("redis", "import", map[string]any{"rasa_prefix": "", "port": 1})}, "without url only rasa_prefix and db are of use"},
		{"an import with a prefix that Rasa ignores", project.Endpoints{TrackerStore: store("redis", "import", map[string]any{"rasa_prefix": "a-b"})}, "Rasa takes no notice"},
		{"an import from among its own keys", project.Endpoints{TrackerStore: store("redis", "key_prefix", "tracker", "import", map[string]any{"rasa_prefix": ""})}, "the keys would mix"},
		{"an import from a database that the url hides", project.Endpoints{TrackerStore: store("redis", "url", "redis://localhost/2", "import", map[string]any{"rasa_prefix": "", "db": 1})}, "db must be that of the tracker store"},
		{"a wrong port", project.Endpoints{TrackerStore: store("redis", "port", "x")}, "port must be a whole number, not x"},
		{"a wrong flag", project.Endpoints{TrackerStore: store("redis", "use_ssl", "perhaps")}, "use_ssl must be true or false"},
		{"negative time", project.Endpoints{TrackerStore: store("redis", "record_exp", -1)}, "record_exp"},
		{"a time beyond all", project.Endpoints{TrackerStore: store("redis", "record_exp", 1e30)}, "record_exp must be a number of seconds, 292 years at most"},
		{"no time", project.Endpoints{LockStore: store("redis"), TrackerStore: store("redis", "socket_timeout", math.NaN())}, "socket_timeout must be a number of seconds"},
		{"a list", project.Endpoints{TrackerStore: store("redis", "url", []any{})}, "url must be a text"},
		{"locks in sql", project.Endpoints{TrackerStore: store("redis"), LockStore: store("sql")}, "lock_store"},
		{"a scheme", project.Endpoints{TrackerStore: store("redis", "url", "ftp://x")}, "scheme"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, err := metrics.New(metrics.NewRegistry("0"))
			if err != nil {
				t.Fatal(err)
			}
			c, err := testApp(t).openStore(t.Context(), &tc.e, m)
			if err == nil {
				c.Close()
				t.Fatal("it was opened")
			}
			if !strings.HasPrefix(err.Error(), "endpoints.yml:7: ") || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %q, want it to name endpoints.yml:7 and %q", err, tc.says)
			}
		})
	}
}

func TestRasaSourceFollowsTheTrackerStore(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		section map[string]any
		want    trackerstore.RasaSource
	}{
		"the same database": {
			map[string]any{"rasa_prefix": ""},
			trackerstore.RasaSource{Server: lockstore.RedisServer{URL: "redis.example", Port: 6380, DB: 2, Password: "x"}},
		},
		"another database": {
			map[string]any{"rasa_prefix": "shop", "db": 0},
			trackerstore.RasaSource{Server: lockstore.RedisServer{URL: "redis.example", Port: 6380, Password: "x"}, Prefix: "shop"},
		},
		"another server": {
			map[string]any{"rasa_prefix": nil, "url": "old.example", "db": 3},
			trackerstore.RasaSource{Server: lockstore.RedisServer{URL: "old.example", DB: 3}},
		},
	} {
		e := &project.Endpoints{TrackerStore: &project.StoreConfig{Type: "redis", Options: map[string]any{
			"url": "redis.example", "port": 6380, "db": 2, "password": "x", "import": tc.section,
		}}}
		cfg, err := testApp(t).redisConfig(e, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&tc.want, cfg.Import); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAnOutageShorterThanTheGraceLeavesTheServerReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &conversations{}
		if got := c.blocked(); got != nil {
			t.Errorf("blocked by %v while Redis answers", got)
		}
		c.down.Store(&outage{since: time.Now(), grace: 10 * time.Second})
		if got := c.blocked(); got != nil {
			t.Errorf("blocked by %v at once", got)
		}
		<-time.After(10 * time.Second)
		if got := c.blocked(); !slices.Equal(got, []string{"store_down"}) {
			t.Errorf("blocked by %v after the grace", got)
		}
		c.down.Store(&outage{since: time.Now()}) // it has never answered
		if got := c.blocked(); !slices.Equal(got, []string{"store_down"}) {
			t.Errorf("blocked by %v before Redis ever answered", got)
		}
	})
}
