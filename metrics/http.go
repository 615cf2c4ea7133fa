package metrics

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The groups of routes that are measured together.
const (
	GroupWebhook      = "webhook"
	GroupConversation = "conversation"
	GroupModel        = "model"
	GroupTrain        = "train"
)

// Unmatched is the route of requests that no route took.
const Unmatched = "unmatched"

// routeLimit bounds the number of routes; a route is a template such as /conversations/:id/tracker.
const routeLimit = 128

// httpMetrics are about requests.
type httpMetrics struct {
	routes   *set[*routeSeries]
	groups   *set[*groupSeries]
	open     prometheus.Gauge
	active   prometheus.Gauge
	rejected *set[prometheus.Counter]
	panics   *set[prometheus.Counter]
}

// routeSeries are the requests of one route. The counters by method and status are resolved when first seen: they are
// bounded by eight methods and the statuses that the route answers.
type routeSeries struct {
	route    string
	requests func(labels ...string) counter
	duration *histogram
	mu       sync.Mutex // guards writers of seen
	seen     atomic.Pointer[map[requestKey]counter]
}

type requestKey struct {
	method string
	code   int
}

// groupSeries are the requests of one group of routes.
type groupSeries struct {
	inFlight prometheus.Gauge
	in, out  *histogram
}

func newHTTPMetrics(b *builder) httpMetrics {
	requests := b.tally.counters("http_requests_total", "Finished requests.", "route", "method", "code")
	duration := b.tally.histograms("http_request_duration_seconds", "From a request's arrival to the last byte of its answer.", bucketsTurn, "route")
	inFlight := b.gaugeVec(ruleSum, "http_requests_in_flight", "Requests that are being answered.", "group")
	in := b.tally.histograms("http_request_body_bytes", "Size of request bodies.", bucketsBytes, "group")
	out := b.tally.histograms("http_response_body_bytes", "Size of response bodies.", bucketsBytes, "group")
	connections := b.gaugeVec(ruleSum, "http_connections", "Client connections.", "state")
	rejected := b.counterVec("http_rejected_total", "Requests refused before a handler saw them.", "reason")
	panics := b.counterVec("panics_total", "Panics that were caught, by where.", "where")
	return httpMetrics{
		routes: newSet(b, "http_requests_total", routeLimit, func(route string) *routeSeries {
			return &routeSeries{route: route, requests: requests, duration: duration(route)}
		}, Unmatched),
		groups: newSet(b, "http_requests_in_flight", 8, func(group string) *groupSeries {
			return &groupSeries{
				inFlight: inFlight.WithLabelValues(group),
				in:       in(group),
				out:      out(group),
			}
		}, GroupWebhook, GroupConversation, GroupModel, GroupTrain),
		open:   connections.WithLabelValues("open"),
		active: connections.WithLabelValues("active"),
		rejected: newSet(b, "http_rejected_total", 16, byValue(rejected),
			"auth", "forbidden", "body", "header", "framing", "rate", "concurrency", "timeout", "draining"),
		panics: newSet(b, "panics_total", 8, byValue(panics), "http", "turn", "action", "channel", "relay", "train"),
	}
}

// AllowRoutes gives route templates series of their own. Requests of others are counted as "other".
func (m *Metrics) AllowRoutes(routes ...string) {
	if m != nil {
		m.http.routes.allow(routes...)
	}
}

// Route is how the requests of one route are measured. The zero Route measures nothing.
type Route struct {
	m      *Metrics
	series *routeSeries
	group  *groupSeries
}

// Route returns how the requests of a route are measured, by its template (or Unmatched) and its group.
func (m *Metrics) Route(template, group string) Route {
	if m == nil {
		return Route{}
	}
	return Route{m, m.http.routes.at(template), m.http.groups.at(group)}
}

// Expect has a method's statuses be there before they are first answered: a counter that appears with its first value has not grown
// in the eyes of Prometheus.
func (r Route) Expect(method string, codes ...int) {
	if r.m == nil {
		return
	}
	for _, code := range codes {
		_ = r.series.counter(method, code)
	}
}

// Request is one request that is being measured. The zero Request measures nothing.
type Request struct {
	route Route
	start time.Duration
}

// Begin counts a request in flight. Its End must be called once.
func (r Route) Begin() Request {
	if r.m == nil {
		return Request{}
	}
	r.group.inFlight.Inc()
	return Request{route: r, start: r.m.since()}
}

// End counts the request with its status and the sizes of both bodies in bytes; a negative size is unknown.
func (r Request) End(method string, code, in, out int) {
	m := r.route.m
	if m == nil {
		return
	}
	s, group := r.route.series, r.route.group
	group.inFlight.Dec()
	p := page{of: m.tally}
	p.count(s.counter(method, code))
	p.observe(s.duration, (m.since() - r.start).Seconds())
	if in >= 0 {
		p.observe(group.in, float64(in))
	}
	if out >= 0 {
		p.observe(group.out, float64(out))
	}
	p.enter()
}

// counter is that of a method and a status; they are few, and the ones that were seen are found without a lock.
func (s *routeSeries) counter(method string, code int) counter {
	if code < 100 || code > 599 {
		code = 0
	}
	key := requestKey{methodLabel(method), code}
	if seen := s.seen.Load(); seen != nil {
		if c, ok := (*seen)[key]; ok {
			return c
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	more := map[requestKey]counter{}
	if seen := s.seen.Load(); seen != nil {
		if c, ok := (*seen)[key]; ok {
			return c
		}
		more = maps.Clone(*seen)
	}
	c := s.requests(s.route, key.method, strconv.Itoa(code))
	more[key] = c
	s.seen.Store(&more)
	return c
}

// methodLabel is one of seven methods or "other"; the result never refers to the request's own memory.
func methodLabel(method string) string {
	switch method {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "PATCH":
		return "PATCH"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	}
	return other
}

// Connections sets how many client connections are open, and how many of them have a request.
func (m *Metrics) Connections(open, active int) {
	if m == nil {
		return
	}
	m.http.open.Set(float64(open))
	m.http.active.Set(float64(active))
}

// RequestRejected counts a request refused before a handler: reason is "auth", "forbidden", "body", "header", "framing",
// "rate", "concurrency", "timeout" or "draining".
func (m *Metrics) RequestRejected(reason string) {
	if m != nil {
		m.http.rejected.at(reason).Inc()
	}
}

// Panicked counts a panic that was caught in "http", "turn", "action", "channel", "relay" or "train".
func (m *Metrics) Panicked(where string) {
	if m != nil {
		m.http.panics.at(where).Inc()
	}
}
