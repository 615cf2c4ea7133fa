package worker

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"
)

func TestOriginsOfPatternsAndStars(t *testing.T) {
	t.Parallel()
	all := map[string]string{"Access-Control-Expose-Headers": "filename", "Access-Control-Allow-Credentials": "true"}
	with := func(more ...string) map[string]string {
		m := maps.Clone(all)
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for _, test := range []struct {
		cors   []string
		origin string
		want   map[string]string
	}{
		{[]string{`http://.*\.example`}, "", map[string]string{}},
		{[]string{`http://.*\.example`}, "http://a.example", with("Access-Control-Allow-Origin", "http://a.example", "Vary", "Origin")},
		{[]string{`http://.*\.example`}, "http://a.example.evil", map[string]string{}},
		{[]string{`http://.*\.example`, "http://b"}, "", with("Access-Control-Allow-Origin", "http://b", "Vary", "Origin")},
		{[]string{"*"}, "*", with("Access-Control-Allow-Origin", "*")},
		{[]string{"*"}, "http://a", with("Access-Control-Allow-Origin", "http://a", "Vary", "Origin")},
		{nil, "", all},
	} {
		o, err := newOrigins(test.cors)
		if err != nil {
			t.Fatal(err)
		}
		var ctx fasthttp.RequestCtx
		if test.origin != "" {
			ctx.Request.Header.Set("Origin", test.origin)
		}
		o.apply(&ctx)
		got := map[string]string{}
		for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Allow-Credentials", "Vary"} {
			if v := ctx.Response.Header.Peek(name); len(v) > 0 {
				got[name] = string(v)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("--cors %v, origin %q (-want +got):\n%s", test.cors, test.origin, diff)
		}
	}
}
