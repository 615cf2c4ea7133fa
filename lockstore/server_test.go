package lockstore

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRedisServerAddress(t *testing.T) {
	t.Parallel()
	type address struct {
		Kind               serverKind
		Addrs              []string
		DB                 int
		Username, Password string
		Master             string
		TLS                bool
	}
	for name, tc := range map[string]struct {
		server RedisServer
		want   address
	}{
		"nothing":           {RedisServer{}, address{Addrs: []string{"localhost:6379"}}},
		"host":              {RedisServer{URL: "redis.internal", DB: 3}, address{Addrs: []string{"redis.internal:6379"}, DB: 3}},
		"host and key port": {RedisServer{URL: "redis.internal", Port: 7000}, address{Addrs: []string{"redis.internal:7000"}}},
		"host:port wins":    {RedisServer{URL: "redis.internal:7001", Port: 7000}, address{Addrs: []string{"redis.internal:7001"}}},
		"ipv6":              {RedisServer{URL: "[::1]:7001"}, address{Addrs: []string{"[::1]:7001"}}},
		"ipv6 without port": {RedisServer{URL: "::1"}, address{Addrs: []string{"[::1]:6379"}}},
		"redis url": {
			RedisServer{URL: "redis://bob:p%40ss@h:1/2", Username: "x", Password: "y", DB: 9},
			address{Addrs: []string{"h:1"}, DB: 2, Username: "bob", Password: "p@ss"},
		},
		"password only": {RedisServer{URL: "redis://:secret@h"}, address{Addrs: []string{"h:6379"}, Password: "secret"}},
		"key password":  {RedisServer{URL: "redis://h", Password: "secret"}, address{Addrs: []string{"h:6379"}, Password: "secret"}},
		"rediss url":    {RedisServer{URL: "rediss://h"}, address{Addrs: []string{"h:6379"}, TLS: true}},
		"use_ssl":       {RedisServer{URL: "h", UseSSL: true}, address{Addrs: []string{"h:6379"}, TLS: true}},
		"unix socket":   {RedisServer{URL: "unix:///run/redis.sock"}, address{Addrs: []string{"/run/redis.sock"}}},
		"sentinel": {
			RedisServer{URL: "redis+sentinel://:pw@a,b:5/mymaster/4"},
			address{Kind: sentinelKind, Addrs: []string{"a:26379", "b:5"}, DB: 4, Password: "pw", Master: "mymaster"},
		},
		"cluster":      {RedisServer{URL: "redis+cluster://a,b:5"}, address{Kind: clusterKind, Addrs: []string{"a:6379", "b:5"}}},
		"one seed":     {RedisServer{URL: "rediss+cluster://a"}, address{Kind: clusterKind, Addrs: []string{"a:6379"}, TLS: true}},
		"list":         {RedisServer{URL: "a:1, b:2"}, address{Kind: clusterKind, Addrs: []string{"a:1", "b:2"}}},
		"list in url":  {RedisServer{URL: "redis://a:1,b:2"}, address{Kind: clusterKind, Addrs: []string{"a:1", "b:2"}}},
		"at in secret": {RedisServer{URL: "redis://u:a@b@h"}, address{Addrs: []string{"h:6379"}, Username: "u", Password: "a@b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, kind, err := tc.server.options()
			if err != nil {
				t.Fatal(err)
			}
			got := address{kind, o.Addrs, o.DB, o.Username, o.Password, o.MasterName, o.TLSConfig != nil}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if s := tc.server.String(); tc.want.Password != "" && strings.Contains(s, tc.want.Password) {
				t.Errorf("String() tells the password: %s", s)
			}
			rdb, err := tc.server.Connect()
			if err != nil {
				t.Fatal(err)
			}
			if err := rdb.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRedisServerRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		server RedisServer
		want   string
	}{
		"scheme":            {RedisServer{URL: "http://h"}, "http"},
		"database":          {RedisServer{URL: "redis://h/x"}, `"x"`},
		"port":              {RedisServer{Port: 70000}, "70000"},
		"port in the url":   {RedisServer{URL: "h:70000"}, `"70000"`},
		"port, no number":   {RedisServer{URL: "redis://a,h:x"}, `"x"`},
		"sentinel":          {RedisServer{URL: "redis+sentinel://h"}, "master"},
		"database, cluster": {RedisServer{URL: "a,b", DB: 1}, "cluster"},
		"escape":            {RedisServer{URL: "redis://u:%zz@h"}, "escaped"},
		"certificates":      {RedisServer{SSLCAFile: "ca.pem"}, "use_ssl"},
		"authorities":       {RedisServer{UseSSL: true, SSLCAFile: "/nonexistent"}, "ssl_ca_certs"},
		"half a pair":       {RedisServer{UseSSL: true, SSLCertFile: "cert.pem"}, "together"},
	} {
		if _, err := tc.server.Connect(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error that names %s", name, err, tc.want)
		}
	}
}

func TestRedisServerSame(t *testing.T) {
	t.Parallel()
	a := RedisServer{URL: "redis://h:6379/0", Password: "p"}
	if !a.Same(RedisServer{URL: "h", DB: 1, Password: "p"}) {
		t.Error("the same server in other words and with another database is another")
	}
	for _, b := range []RedisServer{{URL: "h"}, {URL: "h2", Password: "p"}, {URL: "rediss://h", Password: "p"}, {URL: "http://h"}} {
		if a.Same(b) {
			t.Errorf("%v is the same as %v", b, a)
		}
	}
}
