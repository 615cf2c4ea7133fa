package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"parley/metrics"
)

func open(tb testing.TB) (*metrics.Metrics, *prometheus.Registry) {
	tb.Helper()
	reg := prometheus.NewRegistry()
	m, err := metrics.New(reg)
	if err != nil {
		tb.Fatal(err)
	}
	return m, reg
}

// working is a call that measures work.
func working(call func(w *metrics.Work)) func(m *metrics.Metrics) {
	return func(m *metrics.Metrics) {
		w := m.BeginWork()
		call(&w)
		w.Done()
	}
}

// moved is what a call changed: series and by how much; of a histogram, its count.
func moved(t *testing.T, call func(m *metrics.Metrics)) map[string]float64 {
	t.Helper()
	m, reg := open(t)
	m.AllowChannels("rest")
	m.AllowStores("redis")
	m.AllowRoutes("/status")
	m.AllowComponents("DIETClassifier")
	before := gather(t, reg)
	call(m)
	changes := map[string]float64{}
	for name, value := range gather(t, reg) {
		if d := value - before[name]; d != 0 {
			changes[name] = d
		}
	}
	return changes
}

func gather(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			labels := make([]string, 0, len(metric.GetLabel()))
			for _, l := range metric.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			name := strings.TrimPrefix(f.GetName(), "parley_") + "{" + strings.Join(labels, ",") + "}"
			switch {
			case metric.GetCounter() != nil:
				out[name] = metric.GetCounter().GetValue()
			case metric.GetGauge() != nil:
				out[name] = metric.GetGauge().GetValue()
			case metric.GetHistogram() != nil:
				out[name] = float64(metric.GetHistogram().GetSampleCount())
			}
		}
	}
	return out
}

func TestEachCauseMovesItsMetricsAndNoOther(t *testing.T) {
	t.Parallel()
	const second = time.Second
	for name, tc := range map[string]struct {
		call func(m *metrics.Metrics)
		want map[string]float64
	}{
		"turn under way": {
			func(m *metrics.Metrics) { m.TurnsHeld(2); m.TurnsHeld(-1) },
			map[string]float64{"turns_in_flight{}": 1},
		},
		"turn answered": {
			func(m *metrics.Metrics) { m.BeginTurn("rest").End(metrics.OutcomeOK, -1) },
			map[string]float64{"turns_total{channel=rest,outcome=ok}": 1, "turn_duration_seconds{channel=rest}": 1},
		},
		"turn of a channel nobody configured": {
			func(m *metrics.Metrics) { m.BeginTurn("user input").End(metrics.OutcomeLockTimeout, -1) },
			map[string]float64{
				"turns_total{channel=other,outcome=lock_timeout}": 1, "turn_duration_seconds{channel=other}": 1,
				"label_overflow_total{metric=parley_turns_total}": 1,
			},
		},
		"turn with an unknown outcome": {
			func(m *metrics.Metrics) { m.BeginTurn("rest").End(99, -1) },
			map[string]float64{"turns_total{channel=rest,outcome=error}": 1, "turn_duration_seconds{channel=rest}": 1},
		},
		"turn's own time": {
			func(m *metrics.Metrics) { m.BeginTurn("rest").End(metrics.OutcomeOK, second) },
			map[string]float64{"turns_total{channel=rest,outcome=ok}": 1, "turn_duration_seconds{channel=rest}": 1, "turn_own_seconds{}": 1},
		},
		"turn's predictions": {working(func(w *metrics.Work) { w.Predictions(3, false) }), map[string]float64{"turn_predictions{}": 1}},
		"turn cut short": {
			working(func(w *metrics.Work) { w.Predictions(10, true) }),
			map[string]float64{"turn_predictions{}": 1, "turn_prediction_limit_total{}": 1},
		},
		"turn run again": {func(m *metrics.Metrics) { m.TurnRerun("stale") }, map[string]float64{"turn_reruns_total{cause=stale}": 1}},
		"duplicate":      {func(m *metrics.Metrics) { m.Duplicate("commit") }, map[string]float64{"duplicates_total{layer=commit}": 1}},
		"fallback":       {working(func(w *metrics.Work) { w.FellBack("nlu") }), map[string]float64{"fallbacks_total{kind=nlu}": 1}},
		"session":        {working(func(w *metrics.Work) { w.SessionStarted() }), map[string]float64{"sessions_started_total{}": 1}},
		"event":          {working(func(w *metrics.Work) { w.Wrote("slot") }), map[string]float64{"events_total{type=slot}": 1}},
		"component": {
			func(m *metrics.Metrics) { m.ComponentRan("DIETClassifier", second) },
			map[string]float64{"nlu_component_duration_seconds{component=DIETClassifier}": 1},
		},
		"understood": {
			working(func(w *metrics.Work) { w.Parsed(metrics.UnderstoodIntent, .9, second) }),
			map[string]float64{"nlu_messages_total{result=intent}": 1, "nlu_intent_confidence{}": 1, "nlu_parse_duration_seconds{}": 1},
		},
		"told its intent": {
			working(func(w *metrics.Work) { w.Parsed(metrics.UnderstoodSlash, 1, second) }),
			map[string]float64{"nlu_messages_total{result=slash}": 1, "nlu_parse_duration_seconds{}": 1},
		},
		"prediction": {
			func(m *metrics.Metrics) { w := m.BeginWork(); defer w.Done(); w.Predicted(m.Policy("RulePolicy")) },
			map[string]float64{"policy_wins_total{policy=RulePolicy}": 1},
		},
		"prediction by a policy's name in its ensemble": {
			func(m *metrics.Metrics) {
				w := m.BeginWork()
				defer w.Done()
				w.Predicted(m.Policy("policy_12_TEDPolicy"))
			},
			map[string]float64{"policy_wins_total{policy=TEDPolicy}": 1},
		},
		"policy": {
			func(m *metrics.Metrics) { m.PolicyRan("RulePolicy", second) },
			map[string]float64{"policy_duration_seconds{policy=RulePolicy}": 1},
		},
		"response": {
			func(m *metrics.Metrics) { w := m.BeginWork(); defer w.Done(); w.Ran(m.Action("utter"), "ok", second) },
			map[string]float64{"actions_total{kind=utter,outcome=ok}": 1, "action_duration_seconds{kind=utter}": 1},
		},
		"failed custom action": {
			func(m *metrics.Metrics) {
				w := m.BeginWork()
				defer w.Done()
				w.Ran(m.Action("custom"), "timeout", second)
			},
			map[string]float64{"actions_total{kind=custom,outcome=timeout}": 1, "action_duration_seconds{kind=custom}": 1},
		},
		"action server": {
			func(m *metrics.Metrics) { m.ActionServerCalls(2); m.ActionServerBreaker(true) },
			map[string]float64{"action_server_in_flight{}": 2, "action_server_breaker_open{}": 1},
		},
		"request": {
			func(m *metrics.Metrics) { m.Route("/status", "model").Begin().End("GET", 200, 0, 10) },
			map[string]float64{
				"http_requests_total{code=200,method=GET,route=/status}": 1, "http_request_duration_seconds{route=/status}": 1,
				"http_request_body_bytes{group=model}": 1, "http_response_body_bytes{group=model}": 1,
			},
		},
		"request expected": {
			func(m *metrics.Metrics) {
				m.Route("/status", "webhook").Expect("POST", 500, 503)
				m.Route("/status", "webhook").Begin().End("POST", 500, -1, -1)
			},
			map[string]float64{"http_requests_total{code=500,method=POST,route=/status}": 1, "http_request_duration_seconds{route=/status}": 1},
		},
		"request under way": {
			func(m *metrics.Metrics) { m.Route("/status", "webhook").Begin() },
			map[string]float64{"http_requests_in_flight{group=webhook}": 1},
		},
		"connections": {
			func(m *metrics.Metrics) { m.Connections(5, 2) },
			map[string]float64{"http_connections{state=open}": 5, "http_connections{state=active}": 2},
		},
		"refused request": {func(m *metrics.Metrics) { m.RequestRejected("auth") }, map[string]float64{"http_rejected_total{reason=auth}": 1}},
		"panic":           {func(m *metrics.Metrics) { m.Panicked("turn") }, map[string]float64{"panics_total{where=turn}": 1}},
		"waiting for a lock": {
			func(m *metrics.Metrics) { m.LockQueued(3) },
			map[string]float64{"lock_waiters{}": 1, "lock_queue_depth{}": 1},
		},
		"lock granted": {
			func(m *metrics.Metrics) { m.LockQueued(0); m.LockWaited("granted", true, second) },
			map[string]float64{
				"lock_queue_depth{}": 1, "lock_wait_seconds{outcome=granted}": 1,
				"locks_held{}": 1, "lock_acquisitions_total{contended=true}": 1,
			},
		},
		"lock given back": {
			func(m *metrics.Metrics) {
				m.LockQueued(0)
				m.LockWaited("granted", false, 0)
				m.LockReleased(second)
			},
			map[string]float64{
				"lock_queue_depth{}": 1, "lock_wait_seconds{outcome=granted}": 1,
				"lock_acquisitions_total{contended=false}": 1, "lock_hold_seconds{}": 1,
			},
		},
		"lock not granted": {
			func(m *metrics.Metrics) { m.LockQueued(0); m.LockWaited("timeout", true, second) },
			map[string]float64{"lock_queue_depth{}": 1, "lock_wait_seconds{outcome=timeout}": 1},
		},
		"lock lapsed":    {func(m *metrics.Metrics) { m.LockExpired("holder") }, map[string]float64{"lock_expired_total{who=holder}": 1}},
		"lock handed on": {func(m *metrics.Metrics) { m.LockHandedOff("local") }, map[string]float64{"lock_handoffs_total{kind=local}": 1}},
		"lock renewed":   {func(m *metrics.Metrics) { m.LockRefreshed("lost") }, map[string]float64{"lock_refreshes_total{result=lost}": 1}},
		"commit":         {func(m *metrics.Metrics) { m.Committed("stale") }, map[string]float64{"commits_total{result=stale}": 1}},
		"stored": {
			func(m *metrics.Metrics) { m.TrackerStored(100, 7) },
			map[string]float64{"tracker_bytes{}": 1, "tracker_events{}": 1},
		},
		"store": {
			func(m *metrics.Metrics) {
				m.StoreUp("redis", true)
				m.StoreOp("redis", "commit", second)
				m.StoreFailed("redis", "timeout")
			},
			map[string]float64{
				"store_up{store=redis}": 1, "store_op_duration_seconds{op=commit,store=redis}": 1,
				"store_errors_total{kind=timeout,store=redis}": 1,
			},
		},
		"redis pool": {
			func(m *metrics.Metrics) { m.RedisPool(10, 4, 1, 2) },
			map[string]float64{
				"redis_pool_connections{state=total}": 10, "redis_pool_connections{state=idle}": 4,
				"redis_pool_timeouts_total{}": 1, "redis_pool_misses_total{}": 2,
			},
		},
		"cache": {
			func(m *metrics.Metrics) { m.TrackerCache("hit"); m.TrackerCacheBytes(42) },
			map[string]float64{"tracker_cache_total{result=hit}": 1, "tracker_cache_bytes{}": 42},
		},
		"message in": {
			func(m *metrics.Metrics) { m.MessageReceived("rest", "malformed") },
			map[string]float64{"channel_messages_received_total{channel=rest,result=malformed}": 1},
		},
		"message out": {
			func(m *metrics.Metrics) { m.MessageSent("rest", "ok", second) },
			map[string]float64{
				"channel_messages_sent_total{channel=rest,result=ok}": 1, "channel_send_duration_seconds{channel=rest}": 1,
			},
		},
		"channel sessions": {
			func(m *metrics.Metrics) { m.ChannelConnections("rest", 1) },
			map[string]float64{"channel_connections{channel=rest}": 1},
		},
		"callback": {func(m *metrics.Metrics) { m.CalledBack("blocked") }, map[string]float64{"callbacks_total{result=blocked}": 1}},
		"model replaced": {
			func(m *metrics.Metrics) { m.ModelInUse("a"); m.ModelInUse("b") },
			map[string]float64{"model_loaded{}": 1, "model_generation{}": 2, "model_info{model_id=b}": 1},
		},
		"model unloaded": {
			func(m *metrics.Metrics) { m.ModelInUse("a"); m.ModelInUse("") },
			map[string]float64{"model_generation{}": 2},
		},
		"model read": {
			func(m *metrics.Metrics) { m.ModelLoaded("ok", second, 99) },
			map[string]float64{"model_loads_total{result=ok}": 1, "model_load_duration_seconds{}": 1, "model_bytes{}": 99},
		},
		"training": {
			func(m *metrics.Metrics) { m.TrainingStarted()("invalid") },
			map[string]float64{"trainings_total{result=invalid}": 1, "training_duration_seconds{}": 1},
		},
		"training under way": {
			func(m *metrics.Metrics) { m.TrainingStarted() },
			map[string]float64{"trainings_in_flight{}": 1},
		},
		"build": {
			func(m *metrics.Metrics) { m.BuildInfo("1.0", "abc", "go1") },
			map[string]float64{"build_info{goversion=go1,revision=abc,version=1.0}": 1},
		},
		"not ready": {
			func(m *metrics.Metrics) { m.ReadinessBlocked("draining", true) },
			map[string]float64{"readiness_blocked{reason=draining}": 1},
		},
		"workers": {
			func(m *metrics.Metrics) {
				m.Workers(4, 3, 1)
				m.WorkerRestarted(2, "signal")
				m.RuntimeLimits(2, 1, 64)
			},
			map[string]float64{
				"workers{state=configured}": 4, "workers{state=ready}": 3, "workers{state=backoff}": 1,
				"worker_restarts_total{cause=signal,slot=2}": 1, "gomaxprocs{slot=2}": 1, "memory_limit_bytes{slot=2}": 64,
			},
		},
		"log":   {func(m *metrics.Metrics) { m.Logged("warn") }, map[string]float64{"log_messages_total{level=warn}": 1}},
		"audit": {func(m *metrics.Metrics) { m.Audited("refused") }, map[string]float64{"audit_events_total{result=refused}": 1}},
		"container": {
			func(m *metrics.Metrics) {
				m.ContainerLimits(1.5, 64)
				m.ContainerThrottled(2, 10)
				m.ContainerThrottled(2.5, 12)
			},
			map[string]float64{
				"cgroup_cpu_limit_cores{}": 1.5, "cgroup_memory_limit_bytes{}": 64,
				"cgroup_cpu_throttled_seconds_total{}": 2.5, "cgroup_cpu_periods_total{}": 12,
			},
		},
		"events for a broker": {
			func(m *metrics.Metrics) {
				m.AllowBrokers("kafka")
				m.Outbox(3, 99, second)
				m.Published("kafka", "retry", 2, second)
				m.Published("kafka", "ok", 2, second)
			},
			map[string]float64{
				"outbox_entries{}": 3, "outbox_bytes{}": 99, "outbox_oldest_age_seconds{}": 1, "broker_up{broker=kafka}": 1,
				"broker_publishes_total{broker=kafka,result=ok}": 2, "broker_publishes_total{broker=kafka,result=retry}": 2,
				"broker_publish_duration_seconds{broker=kafka}": 2,
			},
		},
		"reminder": {
			func(m *metrics.Metrics) { m.ReminderFired("invalid", second) },
			map[string]float64{"reminders_fired_total{outcome=invalid}": 1, "reminder_late_seconds{}": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, moved(t, tc.call)); diff != "" {
				t.Errorf("series moved (-want +got):\n%s", diff)
			}
			tc.call(nil) // measures nothing, and does not panic
		})
	}
}

// series counts what a scrape would list.
func series(t *testing.T, g prometheus.Gatherer) int {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			n++
			if h := metric.GetHistogram(); h != nil {
				n += len(h.GetBucket()) + 2
			}
		}
	}
	return n
}

func TestWhatClientsSendMakesNoSeries(t *testing.T) {
	t.Parallel()
	m, reg := open(t)
	m.AllowChannels("rest", "callback", "socketio")
	m.AllowStores("memory", "redis")
	for i := range 10_000 {
		s := fmt.Sprintf("canary-%d", i)
		m.BeginTurn(s).End(metrics.OutcomeOK, -1)
		w := m.BeginWork()
		w.Ran(m.Action(s), s, 0)
		w.Predicted(m.Policy(s))
		m.ComponentRan(s, 0)
		m.Route(s, s).Begin().End(s, 200+i%3, 0, 0)
		w.Wrote(s)
		w.Done()
		m.MessageReceived(s, s)
		m.StoreOp(s, s, 0)
		m.StoreUp(s, false)
		m.WorkerRestarted(i+1000, s)
	}
	if n := series(t, reg); n > 3_000 {
		t.Errorf("%d series, the budget is 3000", n)
	}
	for name := range gather(t, reg) {
		if strings.Contains(name, "canary") {
			t.Errorf("a client's word became a label: %s", name)
		}
	}
}

func TestWhatIsAllowedIsBoundedToo(t *testing.T) {
	t.Parallel()
	m, reg := open(t)
	for i := range 1_000 {
		s := fmt.Sprint(i)
		m.AllowChannels(s)
		m.AllowPolicies(s)
		m.AllowComponents(s)
		m.AllowStores(s)
		m.AllowRoutes(s)
	}
	if n := series(t, reg); n > 8_000 {
		t.Errorf("%d series", n)
	}
}

func TestMetricsKeepThePrometheusConventions(t *testing.T) {
	t.Parallel()
	m, reg := open(t)
	m.Route("/status", "model").Begin().End("GET", 200, 0, 0)
	m.BuildInfo("1", "2", "3")
	m.RuntimeLimits(0, 1, 1)
	m.ModelInUse("a")
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestNewRefusesToRegisterTwice(t *testing.T) {
	t.Parallel()
	_, reg := open(t)
	if _, err := metrics.New(reg); err == nil {
		t.Error("a second New on one registry succeeded")
	}
}

func TestHandlerServesTextAndOpenMetrics(t *testing.T) {
	t.Parallel()
	reg := metrics.NewRegistry("0")
	m, err := metrics.New(reg)
	if err != nil {
		t.Fatal(err)
	}
	working(func(w *metrics.Work) { w.Parsed(metrics.UnderstoodIntent, .9, 20*time.Millisecond) })(m)
	for accept, want := range map[string]string{
		"": `parley_nlu_parse_duration_seconds_bucket{le="0.025"} 1`,
		"application/openmetrics-text; version=1.0.0": "# EOF",
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		req.Header.Set("Accept", accept)
		rec := httptest.NewRecorder()
		metrics.Handler(reg).ServeHTTP(rec, req)
		body := rec.Body.String()
		if rec.Code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("accept %q: status %d, no %q", accept, rec.Code, want)
		}
		if strings.Contains(body, "_created") {
			t.Errorf("accept %q: creation times are served as series", accept)
		}
		if !strings.Contains(body, "go_goroutines") {
			t.Errorf("accept %q: nothing about the runtime", accept)
		}
	}
}

func TestManyMeasureAtOnce(t *testing.T) {
	t.Parallel()
	m, reg := open(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				m.AllowChannels(fmt.Sprintf("channel-%d", i%4))
				m.BeginTurn("rest").End(metrics.OutcomeOK, -1)
				m.Route("/", "webhook").Begin().End("POST", 200+i%3, 1, 1)
				m.ModelInUse(fmt.Sprint(i % 2))
			}
		})
	}
	wg.Wait()
	if got := gather(t, reg)["turns_total{channel=rest,outcome=ok}"]; got != 1600 {
		t.Errorf("%v turns counted of 1600", got)
	}
}

func measureTurn(m *metrics.Metrics, route metrics.Route) {
	r := route.Begin()
	m.MessageReceived("rest", "accepted")
	m.LockQueued(0)
	m.LockWaited("granted", false, time.Microsecond)
	turn := m.BeginTurn("rest")
	w := m.BeginWork()
	w.Parsed(metrics.UnderstoodIntent, .9, time.Microsecond)
	for range 2 {
		w.Predicted(m.Policy("policy_1_RulePolicy"))
		w.Ran(m.Action("utter"), "ok", time.Microsecond)
	}
	w.Predictions(2, false)
	for range 6 {
		w.Wrote("action")
	}
	m.StoreOp("memory", "commit", time.Microsecond)
	m.Committed("ok")
	m.TrackerStored(1000, 20)
	w.Done()
	m.LockReleased(time.Microsecond)
	turn.End(metrics.OutcomeOK, time.Microsecond)
	r.End("POST", 200, 50, 80)
}

func TestMeasuringATurnAllocatesNothing(t *testing.T) {
	m, _ := open(t)
	m.AllowStores("memory")
	m.AllowRoutes("/webhooks/rest/webhook")
	route := m.Route("/webhooks/rest/webhook", "webhook")
	if n := testing.AllocsPerRun(100, func() { measureTurn(m, route) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTurnMetrics(b *testing.B) {
	m, _ := open(b)
	m.AllowStores("memory")
	m.AllowRoutes("/webhooks/rest/webhook")
	route := m.Route("/webhooks/rest/webhook", "webhook")
	b.ReportAllocs()
	for b.Loop() {
		measureTurn(m, route)
	}
}
