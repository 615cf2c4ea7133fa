package trackerstore

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"parley/livetest"
	"parley/lockstore"
)

// TestRedisUserWithRules: a user with the rights that docs/configuration.md names can do everything; where one is missing the start fails,
// with an error that names the command.
func TestRedisUserWithRules(t *testing.T) {
	t.Parallel()
	server := livetest.StartRedis(t)
	admin := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { _ = admin.Close() })
	rights := "on >secret ~p:* resetchannels &p:* +@read +@write +@scripting +@pubsub +@transaction +@connection +time"
	for _, tc := range []struct{ name, rules, missing string }{
		{"enough", "", ""},
		{"scripts", "-eval", "eval"},
		{"multi", "-multi", "multi"},
		{"lpos", "-lpos", "lpos"},
		{"time", "-time", "time"},
		{"publish", "-publish", "publish"},
		{"ltrim", "-ltrim", "ltrim"},
		{"keys", "resetkeys ~other:*", "key"},
		{"channels", "resetchannels &other:*", "publish"},
	} {
		args := []any{"acl", "setuser", tc.name}
		for rule := range strings.FieldsSeq(rights + " " + tc.rules) {
			args = append(args, rule)
		}
		if err := admin.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
		r := stillRedis(t, server.Addr, RedisConfig{
			Server: lockstore.RedisServer{Username: tc.name, Password: "secret"}, RedisOptions: RedisOptions{Prefix: "p"},
		})
		err := r.Prepare(t.Context())
		if tc.missing == "" && err != nil || tc.missing != "" && (err == nil || !strings.Contains(err.Error(), tc.missing)) {
			t.Errorf("%s: Prepare: %v, want an error that names %q", tc.name, err, tc.missing)
		}
		if tc.missing == "" {
			d := testDomain()
			h := redisHarness(r)
			record(t, h, "a", d, said("one"))
			wantTexts(t, read(t, h, "a", d), "one")
			if err := r.Delete(t.Context(), "a"); err != nil {
				t.Errorf("Delete: %v", err)
			}
		}
	}
}
