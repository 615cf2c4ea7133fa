package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/lockstore"
	"parley/logging"
	"parley/metrics"
	"parley/project"
	"parley/trackerstore"
)

// healthEvery is the pause between two looks at Redis.
const healthEvery = time.Second

// conversations are the tracker store of a server and what keeps it going.
type conversations struct {
	trackerstore.Store
	app   *app
	redis *trackerstore.Redis // nil: in memory
	grace time.Duration       // how long Redis may be away before that keeps the server from being ready
	down  atomic.Pointer[outage]
	pool  trackerstore.Pool // at the latest report
	m     *metrics.Metrics
}

// outage is a time in which Redis does not answer.
type outage struct {
	since time.Time
	grace time.Duration // none if Redis has never answered
}

// openStore opens the tracker store and the lock store of endpoints.yml; without them, conversations are kept in memory.
func (a *app) openStore(ctx context.Context, e *project.Endpoints, m *metrics.Metrics) (*conversations, error) {
	if b := e.EventBroker; b != nil {
		return nil, at(b.File, b.Line, errors.New("event_broker: event brokers are not part of this version; remove the section to go without"))
	}
	if inMemory(e.TrackerStore) {
		if l := e.LockStore; !inMemory(l) {
			return nil, at(l.File, l.Line, fmt.Errorf("lock_store: conversations that are kept in memory need no lock of type %q; "+
				"add a tracker_store of type redis, or remove the section", l.Type))
		}
		m.AllowStores("memory")
		m.StoreUp("memory", true)
		observer := trackerstore.Observer{Committed: m.Committed}
		return &conversations{Store: trackerstore.NewMemoryWith(trackerstore.MemoryConfig{Observer: observer}), app: a, m: m}, nil
	}
	cfg, err := a.redisConfig(e, m)
	if err != nil {
		return nil, err
	}
	grace, err := a.duration("STORE_GRACE", 10*time.Second)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(redisLog{a.logger(logging.Libraries)}) // it has but one for all clients
	store, err := trackerstore.OpenRedis(cfg)
	if err != nil {
		return nil, at(e.TrackerStore.File, e.TrackerStore.Line, err)
	}
	c := &conversations{Store: store, app: a, redis: store, grace: grace, m: m}
	m.AllowStores("redis")
	if err := c.prepare(ctx); err != nil {
		_ = store.Close()
		return nil, at(e.TrackerStore.File, e.TrackerStore.Line, err)
	}
	return c, nil
}

// redisLog takes what the Redis client says of its connections. What matters of it comes back as an error, too.
type redisLog struct{ log *slog.Logger }

// Printf logs one line.
func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, "redis client", "says", fmt.Sprintf(format, v...))
}

// inMemory reports whether a store is the one in memory.
func inMemory(c *project.StoreConfig) bool {
	return c == nil || slices.Contains([]string{"", "in_memory", "memory", "InMemoryTrackerStore", "InMemoryLockStore"}, c.Type)
}

// prepare checks Redis. One that cannot be reached may come later: until then turns answer 503 and the server is not ready. One
// that answers with an error, such as a wrong password, will not get better by itself.
func (c *conversations) prepare(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, 5*time.Second)
	defer done()
	err := c.redis.Prepare(ctx)
	var said redis.Error
	transient := errors.Is(err, trackerstore.ErrUnavailable) && (!errors.As(err, &said) || strings.HasPrefix(said.Error(), "LOADING"))
	switch {
	case err == nil:
		c.m.StoreUp("redis", true)
		return nil
	case transient:
		c.app.logger(logging.Store).Warn("redis cannot be reached: until it can, turns answer 503", "error", err)
		c.m.StoreUp("redis", false)
		c.down.Store(&outage{since: time.Now()})
		return nil
	}
	return err
}

// Run keeps the store going until ctx ends: its leases, its wake-ups and a look at its health.
func (c *conversations) Run(ctx context.Context) error {
	if c.redis == nil {
		<-ctx.Done()
		return nil
	}
	ended := make(chan error, 1)
	go func() { ended <- c.redis.Run(ctx) }()
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			c.look(ctx)
			c.measurePool()
		}
	}
}

// awaitWakeUps waits a moment for the subscription to wake-ups: a turn that begins without one polls for its place, and when its
// process dies nobody can tell.
func (c *conversations) awaitWakeUps(ctx context.Context) {
	if c.redis == nil {
		return
	}
	limit := time.NewTimer(healthEvery / 2)
	defer limit.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !c.redis.Listening() {
		select {
		case <-tick.C:
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// look notices that Redis went away or came back.
func (c *conversations) look(ctx context.Context) {
	limited, done := context.WithTimeout(ctx, 5*healthEvery)
	defer done()
	err := c.redis.Ping(limited)
	if ctx.Err() != nil || (c.down.Load() != nil) == (err != nil) {
		return // the server is ending, or nothing has changed
	}
	c.m.StoreUp("redis", err == nil)
	if err != nil {
		c.down.Store(&outage{since: time.Now(), grace: c.grace})
		c.app.logger(logging.Store).Error("redis does not answer", "error", err)
	} else {
		c.down.Store(nil)
		c.app.logger(logging.Store).Info("redis answers again")
	}
}

// measurePool reports the connections to Redis.
func (c *conversations) measurePool() {
	now := c.redis.Pool()
	c.m.RedisPool(now.Total, now.Idle, now.Timeouts-c.pool.Timeouts, now.Misses-c.pool.Misses)
	c.pool = now
}

// blocked lists what of the store keeps the server from being ready. A failover is shorter than the grace: if it were not, all
// servers that share the Redis would leave their load balancer at once, and clients got its error in place of ours.
func (c *conversations) blocked() []string {
	if o := c.down.Load(); o != nil && time.Since(o.since) >= o.grace {
		return []string{"store_down"}
	}
	return nil
}

// Close gives the connections back.
func (c *conversations) Close() {
	if c.redis == nil {
		return
	}
	if err := c.redis.Close(); err != nil {
		c.app.logger(logging.Store).Warn("closing the tracker store", "error", err)
	}
}

// redisConfig is what endpoints.yml says about Redis, with Rasa's keys.
func (a *app) redisConfig(e *project.Endpoints, m *metrics.Metrics) (trackerstore.RedisConfig, error) {
	var cfg trackerstore.RedisConfig
	t := e.TrackerStore
	if !strings.EqualFold(t.Type, "redis") {
		return cfg, at(t.File, t.Line, fmt.Errorf("tracker_store: the type %q is not part of this version; redis and in_memory are", t.Type))
	}
	o := &storeOptions{section: "tracker_store", config: t}
	cfg.Server = o.server()
	cfg.Prefix = o.text("key_prefix")
	cfg.RecordExp = o.seconds("record_exp")
	cfg.AllowEviction = o.flag("allow_eviction")
	cfg.Import = o.rasaSource("import", cfg.Server)
	if err := o.done(); err != nil {
		return cfg, err
	}
	if l := e.LockStore; !inMemory(l) {
		if !strings.EqualFold(l.Type, "redis") {
			return cfg, at(l.File, l.Line, fmt.Errorf("lock_store: the type %q is not part of this version; redis is", l.Type))
		}
		o := &storeOptions{section: "lock_store", config: l}
		locks := o.server()
		if _, given := l.Options["db"]; !given && locks.Same(cfg.Server) {
			locks.DB = cfg.Server.DB // Rasa's default of 1 would only part what belongs together
		}
		cfg.Locks, cfg.LockOptions.Prefix = &locks, o.text("key_prefix")
		if err := o.done(); err != nil {
			return cfg, err
		}
	}
	wait, err := a.duration("TICKET_LOCK_LIFETIME", 0)
	if err != nil {
		return cfg, err
	}
	cfg.LockOptions.Limits.Wait = wait
	cfg.Log, cfg.LockOptions.Log = a.logger(logging.Store), a.logger(logging.Lock)
	cfg.Observer = trackerstore.Observer{
		Committed: m.Committed, Cached: m.TrackerCache, CacheBytes: m.TrackerCacheBytes, Stored: m.TrackerStored,
		Done:   func(op string, d time.Duration) { m.StoreOp("redis", op, d) },
		Failed: func(kind string) { m.StoreFailed("redis", kind) },
	}
	cfg.LockOptions.Observer = lockstore.Observer{
		Queued: m.LockQueued, Waited: m.LockWaited, Released: m.LockReleased, Expired: m.LockExpired,
		HandedOff: m.LockHandedOff, Refreshed: m.LockRefreshed,
	}
	return cfg, nil
}

// storeOptions reads the keys of a store's section; the first thing wrong is kept.
type storeOptions struct {
	section string
	config  *project.StoreConfig
	read    []string
	err     error
}

// server reads where a Redis is.
func (o *storeOptions) server() lockstore.RedisServer {
	return lockstore.RedisServer{
		URL: cmp.Or(o.text("url"), o.text("host")), Port: o.number("port"), DB: o.number("db"),
		Username: o.text("username"), Password: o.text("password"),
		UseSSL: o.flag("use_ssl"), SSLKeyFile: o.text("ssl_keyfile"), SSLCertFile: o.text("ssl_certfile"), SSLCAFile: o.text("ssl_ca_certs"),
		SocketTimeout: o.seconds("socket_timeout"),
	}
}

// text reads a text; a number is taken as it is written.
func (o *storeOptions) text(key string) string {
	switch v := o.option(key).(type) {
	case nil:
		return ""
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	default:
		o.wrong(key, "a text", v)
		return ""
	}
}

func (o *storeOptions) number(key string) int {
	switch v := o.option(key).(type) {
	case nil:
		return 0
	case int:
		return v
	case string: // from an environment variable
		if n, err := strconv.Atoi(v); err == nil || v == "" {
			return n
		}
		o.wrong(key, "a whole number", v)
	default:
		o.wrong(key, "a whole number", v)
	}
	return 0
}

func (o *storeOptions) seconds(key string) time.Duration {
	var n float64
	switch v := o.option(key).(type) {
	case nil:
	case int:
		n = float64(v)
	case float64:
		n = v
	case string:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil && v != "" {
			o.wrong(key, "a number of seconds", v)
		}
		n = f
	default:
		o.wrong(key, "a number of seconds", v)
	}
	switch {
	case n < 0:
		o.wrong(key, "a number of seconds that is not negative", n)
	case !(n <= math.MaxInt64/float64(time.Second)): // or not a number
		o.wrong(key, "a number of seconds, 292 years at most", n)
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

func (o *storeOptions) flag(key string) bool {
	switch v := o.option(key).(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		b, err := strconv.ParseBool(v)
		if err != nil && v != "" {
			o.wrong(key, "true or false", v)
		}
		return b
	default:
		o.wrong(key, "true or false", v)
		return false
	}
}

func (o *storeOptions) option(key string) any {
	o.read = append(o.read, key)
	return o.config.Options[key]
}

func (o *storeOptions) wrong(key, want string, got any) {
	if o.err == nil {
		o.err = at(o.config.File, o.config.Line, fmt.Errorf("%s: %s must be %s, not %v", o.section, key, want, got))
	}
}

// done reports what was wrong, or a key that nobody has read.
func (o *storeOptions) done() error {
	if o.err != nil {
		return o.err
	}
	for _, key := range slices.Sorted(maps.Keys(o.config.Options)) {
		if !slices.Contains(o.read, key) {
			return at(o.config.File, o.config.Line, fmt.Errorf("%s: the key %q is unknown; the keys are %s", o.section, key, strings.Join(o.read, ", ")))
		}
	}
	return nil
}
