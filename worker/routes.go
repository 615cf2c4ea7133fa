package worker

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// handler answers one request. The context ends at the response timeout; an error becomes a status.
type handler func(ctx context.Context, c *call) error

// endpoint is one method of one path.
type endpoint struct {
	method string
	handle handler
	// failure is the reason of an unexpected error, see apiError.
	failure string
	public  bool // not protected
	model   bool // needs a loaded model
	exists  bool // needs a stored conversation
}

// route is one path with its methods.
type route []endpoint

// endpoint finds a method's endpoint; HEAD is GET without its body.
func (r route) endpoint(method string) *endpoint {
	for i := range r {
		if r[i].method == method {
			return &r[i]
		}
	}
	if method == http.MethodHead {
		return r.endpoint(http.MethodGet)
	}
	return nil
}

// methods lists what the route answers, for the Allow header.
func (r route) methods() string {
	var names []string
	for _, e := range r {
		names = append(names, e.method)
		if e.method == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(append(names, http.MethodOptions), ", ")
}

// suffixed is a route under /conversations/<id>.
type suffixed struct {
	suffix string // with its slash: "/tracker"
	route  route
}

// routes is the table of all paths.
type routes struct {
	static        map[string]route
	conversations []suffixed // the first suffix that fits counts: longer ones stand first
}

const conversationPrefix = "/conversations/"

// match finds the route of a raw path and the conversation id in it. Slashes at the end do not count unless they matter.
func (t *routes) match(path string) (r route, id string, ok bool) {
	if r, id, ok = t.exact(path); ok {
		return r, id, true
	}
	trimmed := strings.TrimRight(path, "/")
	if trimmed == "" {
		trimmed = "/"
	}
	if trimmed == path {
		return nil, "", false
	}
	return t.exact(trimmed)
}

func (t *routes) exact(path string) (r route, id string, ok bool) {
	if r, ok = t.static[path]; ok {
		return r, "", true
	}
	if rest, found := strings.CutPrefix(path, conversationPrefix); found {
		for _, s := range t.conversations {
			if raw, found := strings.CutSuffix(rest, s.suffix); found {
				return s.route, conversationID(raw), true
			}
		}
	}
	return nil, "", false
}

// conversationID decodes the percent escapes of an id in a path, so that it is the same as the sender on a channel.
func conversationID(raw string) string {
	id, err := url.PathUnescape(raw)
	if err != nil || !utf8.ValidString(id) {
		return raw
	}
	return id
}

// rawPath is the path of a request as the client wrote it, without the query.
func rawPath(uri []byte) string {
	if len(uri) > 0 && uri[0] != '/' { // the absolute form: http://host/path
		if i := bytes.Index(uri, []byte("://")); i >= 0 {
			uri = uri[i+3:]
			if i = bytes.IndexByte(uri, '/'); i < 0 {
				return "/"
			}
			uri = uri[i:]
		}
	}
	if i := bytes.IndexAny(uri, "?#"); i >= 0 {
		uri = uri[:i]
	}
	return string(uri)
}

// table lists all routes that the configuration asks for.
func (w *Worker) table() routes {
	t := routes{static: map[string]route{"/": {{method: http.MethodGet, handle: w.hello, public: true}}}}
	for prefix, ch := range w.channels {
		t.static["/webhooks/"+prefix] = route{{method: http.MethodGet, handle: health, public: true}}
		for _, path := range []string{"webhook", "set_webhook"} {
			var r route
			for _, method := range ch.Methods(path) {
				r = append(r, endpoint{method: method, handle: w.webhook(ch, path), public: true})
			}
			if r != nil {
				t.static["/webhooks/"+prefix+"/"+path] = r
			}
		}
	}
	if !w.cfg.API {
		return t
	}
	const get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	t.static["/version"] = route{{method: get, handle: w.version, public: true}}
	t.static["/status"] = route{{method: get, handle: w.status, model: true}}
	t.static["/domain"] = route{{method: get, handle: w.domain, model: true}}
	t.static["/model"] = route{
		{method: put, handle: w.loadModel, failure: "LoadingError"},
		{method: del, handle: w.unloadModel, failure: "LoadingError"},
	}
	t.static["/model/parse"] = route{{method: post, handle: w.parse, model: true, failure: "ParsingError"}}
	t.static["/model/predict"] = route{{method: post, handle: w.predictEvents, model: true, failure: "PredictionError"}}
	t.static["/model/train"] = route{{method: post, handle: w.train, failure: "TrainingError"}}
	t.static["/model/test/stories"] = route{{method: post, handle: w.testStories, model: true, failure: "TestingError"}}
	t.static["/model/test/intents"] = route{{method: post, handle: w.testIntents, failure: "TestingError"}}
	if w.jwt != nil {
		t.static["/auth"] = route{{method: post, handle: issueToken, public: true}}
		t.static["/auth/verify"] = route{{method: get, handle: w.verifyToken, public: true}}
		t.static["/auth/me"] = route{{method: get, handle: w.whoAmI, public: true}}
	}
	conversation := func(suffix string, endpoints ...endpoint) {
		for i := range endpoints {
			endpoints[i].model, endpoints[i].failure = true, "ConversationError"
		}
		t.conversations = append(t.conversations, suffixed{suffix, endpoints})
	}
	conversation("/tracker/events", endpoint{method: post, handle: w.appendEvents}, endpoint{method: put, handle: w.replaceEvents})
	conversation("/tracker", endpoint{method: get, handle: w.tracker})
	conversation("/story", endpoint{method: get, handle: w.story, exists: true})
	conversation("/execute", endpoint{method: post, handle: w.execute, exists: true})
	conversation("/trigger_intent", endpoint{method: post, handle: w.triggerIntent})
	conversation("/predict", endpoint{method: post, handle: w.predict, exists: true})
	conversation("/messages", endpoint{method: post, handle: w.addMessage})
	return t
}
