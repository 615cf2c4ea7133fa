package worker

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/metrics"
)

// handler answers one request. The context ends at the response timeout; an error becomes a status.
type handler func(ctx context.Context, c *call) error

// endpoint is one method of one path.
type endpoint struct {
	method string
	handle handler
	// failure is the reason of an unexpected error, see apiError.
	failure  string
	profiles profile            // that have it; 0: all
	absent   func(c *call) bool // whether a request is answered as if there were no such path; nil: none is
	public   bool               // not protected
	alive    bool               // answers to the very end
	old      bool               // only in older generations
	model    bool               // needs a loaded model
	exists   bool               // needs a stored conversation
	audit    string             // what is recorded for an audit; "": nothing
}

// route is one path with its methods.
type route struct {
	template  string // its name in metrics: "/conversations/:id/tracker"
	group     string // of metrics
	measured  metrics.Route
	endpoints []endpoint
	varies    bool // not all profiles have all endpoints
	shy       bool // a method that it lacks is answered as if there were no such path
}

// endpoint finds a method's endpoint in a profile; HEAD is GET without its body. known is false when the profile lacks the path.
func (r *route) endpoint(method string, in profile) (e *endpoint, known bool) {
	for i := range r.endpoints {
		if !r.endpoints[i].in(in) {
			continue
		}
		known = true
		if r.endpoints[i].method == method {
			return &r.endpoints[i], true
		}
	}
	if method == http.MethodHead {
		return r.endpoint(http.MethodGet, in)
	}
	return nil, known && !r.shy
}

// in reports whether a profile has the endpoint.
func (e *endpoint) in(p profile) bool { return e.profiles == 0 || e.profiles&p != 0 }

// methods lists what the route answers in a profile, for the Allow header.
func (r *route) methods(in profile) string {
	var names []string
	for _, e := range r.endpoints {
		if !e.in(in) {
			continue
		}
		names = append(names, e.method)
		if e.method == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(append(slices.Compact(names), http.MethodOptions), ", ")
}

// suffixed is a route under /conversations/<id>.
type suffixed struct {
	suffix string // with its slash: "/tracker"
	route  *route
}

// routes is the table of all paths.
type routes struct {
	static        map[string]*route
	conversations []suffixed // the first suffix that fits counts: longer ones stand first
	conversation  *route     // /conversations/<id> itself
}

const conversationPrefix = "/conversations/"

// match finds the route of a raw path and the conversation id in it; nil if there is none. Slashes at the end do not count
// unless they matter.
func (t *routes) match(path []byte) (r *route, id string) {
	if r, id = t.exact(path); r != nil {
		return r, id
	}
	trimmed := bytes.TrimRight(path, "/")
	if len(trimmed) == 0 {
		trimmed = []byte("/")
	}
	if len(trimmed) < len(path) {
		if r, id = t.exact(trimmed); r != nil {
			return r, id
		}
	}
	if raw, found := bytes.CutPrefix(trimmed, []byte(conversationPrefix)); found && t.conversation != nil {
		return t.conversation, conversationID(string(raw))
	}
	return nil, ""
}

func (t *routes) exact(path []byte) (r *route, id string) {
	if r, ok := t.static[string(path)]; ok {
		return r, ""
	}
	rest, found := bytes.CutPrefix(path, []byte(conversationPrefix))
	if !found { // the oldest documentation says conversation
		rest, found = bytes.CutPrefix(path, []byte("/conversation/"))
		if found && !bytes.HasSuffix(rest, []byte("/parse")) && !bytes.HasSuffix(rest, []byte("/continue")) {
			return nil, ""
		}
	}
	if found {
		for _, s := range t.conversations {
			if raw, found := bytes.CutSuffix(rest, []byte(s.suffix)); found {
				return s.route, conversationID(string(raw))
			}
		}
	}
	return nil, ""
}

// conversationID decodes the percent escapes of an id in a path, so that it is the same as the sender on a channel.
func conversationID(raw string) string {
	id, err := url.PathUnescape(raw)
	if err != nil || !utf8.ValidString(id) {
		return raw
	}
	return id
}

// rawPath is the path of a request as the client wrote it, without the query. It is borrowed.
func rawPath(uri []byte) []byte {
	if len(uri) > 0 && uri[0] != '/' { // the absolute form: http://host/path
		if i := bytes.Index(uri, []byte("://")); i >= 0 {
			uri = uri[i+3:]
			if i = bytes.IndexByte(uri, '/'); i < 0 {
				return []byte("/")
			}
			uri = uri[i:]
		}
	}
	if i := bytes.IndexAny(uri, "?#"); i >= 0 {
		uri = uri[:i]
	}
	return uri
}

// table lists all routes that the configuration asks for.
func (w *Worker) table() routes {
	t := routes{static: map[string]*route{}}
	add := func(group, path string, endpoints ...endpoint) {
		t.static[path] = &route{template: path, group: group, endpoints: endpoints}
	}
	add(metrics.GroupModel, "/", endpoint{method: http.MethodGet, handle: w.hello, public: true, alive: true})
	for prefix, ch := range w.channels {
		root := "/webhooks/" + prefix
		add(metrics.GroupWebhook, root, endpoint{method: http.MethodGet, handle: health, public: true})
		for _, path := range []string{"webhook", "set_webhook"} {
			var endpoints []endpoint
			for _, method := range ch.Methods(path) {
				endpoints = append(endpoints, endpoint{method: method, handle: w.webhook(ch, path), public: true})
			}
			if endpoints != nil {
				add(metrics.GroupWebhook, root+"/"+path, endpoints...)
			}
		}
	}
	if !w.cfg.API {
		return t
	}
	const get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	add(metrics.GroupModel, "/version", endpoint{method: get, handle: w.version, public: true})
	add(metrics.GroupModel, "/openapi.json", endpoint{method: get, handle: w.openapi, public: true})
	add(metrics.GroupModel, "/docs", endpoint{method: get, handle: w.docs, public: true})
	add(metrics.GroupModel, "/status", endpoint{method: get, handle: w.status})
	add(metrics.GroupModel, "/domain", endpoint{method: get, handle: w.domain, model: true})
	add(metrics.GroupModel, "/model",
		endpoint{method: put, handle: w.loadModel, failure: "LoadingError", audit: auditModelLoad},
		endpoint{method: del, handle: w.unloadModel, failure: "LoadingError", audit: auditModelDelete},
		endpoint{method: post, handle: w.uploadModel, failure: "LoadingError", audit: auditModelLoad, profiles: profileCore14, old: true})
	add(metrics.GroupModel, "/model/parse", endpoint{method: post, handle: w.parse, model: true, failure: "ParsingError"})
	add(metrics.GroupModel, "/model/predict", endpoint{method: post, handle: w.predictEvents, model: true, failure: "PredictionError"})
	add(metrics.GroupTrain, "/model/train", endpoint{method: post, handle: w.train, failure: "TrainingError"})
	add(metrics.GroupTrain, "/model/test/stories", endpoint{method: post, handle: w.testStories, model: true, failure: "TestingError"})
	add(metrics.GroupTrain, "/model/test/intents", endpoint{method: post, handle: w.testIntents, failure: "TestingError"})
	if w.jwt != nil {
		add(metrics.GroupModel, "/auth", endpoint{method: post, handle: issueToken, public: true})
		add(metrics.GroupModel, "/auth/verify", endpoint{method: get, handle: w.verifyToken, public: true})
		add(metrics.GroupModel, "/auth/me", endpoint{method: get, handle: w.whoAmI, public: true})
	}
	conversation := func(suffix string, endpoints ...endpoint) {
		for i := range endpoints {
			if endpoints[i].failure == "" {
				endpoints[i].model, endpoints[i].failure = true, "ConversationError"
			}
		}
		r := &route{template: conversationPrefix + ":id" + suffix, group: metrics.GroupConversation, endpoints: endpoints}
		t.conversations = append(t.conversations, suffixed{suffix, r})
	}
	conversation("/tracker/events", endpoint{method: post, handle: w.once(w.appendEvents), audit: auditAppend},
		endpoint{method: put, handle: w.once(w.replaceEvents), audit: auditReplace})
	tracker := []endpoint{{method: get, handle: w.tracker}, {method: put, handle: w.once(w.replaceEvents), audit: auditReplace, profiles: profileCore8}}
	if w.cfg.Store != nil {
		tracker = append(tracker, endpoint{method: del, handle: w.deleteTracker, failure: "ConversationError", audit: auditDelete})
	}
	conversation("/tracker", tracker...)
	conversation("/story", endpoint{method: get, handle: w.story, exists: true})
	conversation("/execute", endpoint{method: post, handle: w.once(w.execute), exists: true})
	conversation("/trigger_intent", endpoint{method: post, handle: w.once(w.triggerIntent)})
	conversation("/predict", endpoint{method: post, handle: w.predict, exists: true})
	conversation("/explain", endpoint{method: get, handle: w.explain, exists: true})
	conversation("/chat", endpoint{method: post, handle: w.once(w.chat)})
	conversation("/messages", endpoint{method: post, handle: w.once(w.addMessage)})
	w.addLegacy(add, conversation)
	if w.cfg.Store != nil {
		t.conversation = &route{
			template: conversationPrefix + ":id", group: metrics.GroupConversation, shy: true,
			endpoints: []endpoint{{method: del, handle: w.deleteConversation, failure: "ConversationError", audit: auditDelete}},
		}
	}
	if r := t.static["/conversations"]; r != nil {
		r.shy = true
	}
	for _, r := range t.all() {
		r.varies = slices.ContainsFunc(r.endpoints, func(e endpoint) bool { return e.profiles != 0 })
	}
	return t
}

// all lists all routes.
func (t *routes) all() []*route {
	all := slices.Collect(maps.Values(t.static))
	for _, s := range t.conversations {
		all = append(all, s.route)
	}
	if t.conversation != nil {
		all = append(all, t.conversation)
	}
	return all
}

// templates are the names of all routes in metrics.
func (t *routes) templates() []string {
	var names []string
	for _, r := range t.all() {
		names = append(names, r.template)
	}
	slices.Sort(names)
	return names
}
