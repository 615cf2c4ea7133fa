package metrics

import (
	"strconv"
	"sync"
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
	groups   *set[groupSeries]
	open     prometheus.Gauge
	active   prometheus.Gauge
	rejected *set[prometheus.Counter]
	panics   *set[prometheus.Counter]
}

// routeSeries are the requests of one route. The counters by method and status are resolved when first seen: they are
// bounded by eight methods and the statuses that the route answers.
type routeSeries struct {
	route    string
	requests *keptVec
	duration prometheus.Observer
	seen     sync.Map // requestKey → prometheus.Counter
}

type requestKey struct {
	method string
	code   int
}

// groupSeries are the requests of one group of routes.
type groupSeries struct {
	inFlight prometheus.Gauge
	in, out  prometheus.Observer
}

func newHTTPMetrics(b *builder) httpMetrics {
	requests := b.counterVec("http_requests_total", "Finished requests.", "route", "method", "code")
	duration := b.histogramVec("http_request_duration_seconds", "From a request's arrival to the last byte of its answer.", bucketsTurn, "route")
	inFlight := b.gaugeVec(ruleSum, "http_requests_in_flight", "Requests that are being answered.", "group")
	in := b.histogramVec("http_request_body_bytes", "Size of request bodies.", bucketsBytes, "group")
	out := b.histogramVec("http_response_body_bytes", "Size of response bodies.", bucketsBytes, "group")
	connections := b.gaugeVec(ruleSum, "http_connections", "Client connections.", "state")
	rejected := b.counterVec("http_rejected_total", "Requests refused before a handler saw them.", "reason")
	panics := b.counterVec("panics_total", "Panics that were caught, by where.", "where")
	return httpMetrics{
		routes: newSet(b, "http_requests_total", routeLimit, func(route string) *routeSeries {
			return &routeSeries{route: route, requests: requests, duration: duration.WithLabelValues(route)}
		}, Unmatched),
		groups: newSet(b, "http_requests_in_flight", 8, func(group string) groupSeries {
			return groupSeries{
				inFlight: inFlight.WithLabelValues(group),
				in:       in.WithLabelValues(group),
				out:      out.WithLabelValues(group),
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

// Request is one request that is being measured. The zero Request measures nothing.
type Request struct {
	m     *Metrics
	group groupSeries
	start time.Time
}

// BeginRequest counts a request in flight in a group of routes. Its End must be called once.
func (m *Metrics) BeginRequest(group string) Request {
	if m == nil {
		return Request{}
	}
	r := Request{m: m, group: m.http.groups.at(group), start: time.Now()}
	r.group.inFlight.Inc()
	return r
}

// End counts the request with the template of the route that took it (or Unmatched), its status and the sizes of both
// bodies in bytes; a negative size is unknown.
func (r Request) End(route, method string, code, in, out int) {
	if r.m == nil {
		return
	}
	r.group.inFlight.Dec()
	s := r.m.http.routes.at(route)
	s.counter(method, code).Inc()
	s.duration.Observe(time.Since(r.start).Seconds())
	if in >= 0 {
		r.group.in.Observe(float64(in))
	}
	if out >= 0 {
		r.group.out.Observe(float64(out))
	}
}

func (s *routeSeries) counter(method string, code int) prometheus.Counter {
	method = methodLabel(method)
	if code < 100 || code > 599 {
		code = 0
	}
	key := requestKey{method, code}
	if c, ok := s.seen.Load(key); ok {
		if c, ok := c.(prometheus.Counter); ok {
			return c
		}
	}
	c := s.requests.WithLabelValues(s.route, method, strconv.Itoa(code))
	s.seen.Store(key, c)
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
