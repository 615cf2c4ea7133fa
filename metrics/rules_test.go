package metrics_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"parley/metrics"
)

// known is what a server can expose: the label values of each series, by metric and label.
type known map[string]map[string][]string

// exposed registers everything and names what can be named, as a server with channels, stores and a model does.
func exposed(t *testing.T) known {
	t.Helper()
	reg := metrics.NewRegistry("0")
	m, err := metrics.New(reg)
	if err != nil {
		t.Fatal(err)
	}
	m.AllowChannels("rest")
	m.AllowStores("redis")
	m.AllowBrokers("kafka")
	m.AllowComponents("DIETClassifier")
	m.AllowRoutes("/webhooks/rest/webhook")
	m.BuildInfo("1", "2", "3")
	m.ModelInUse("a")
	m.RuntimeLimits(0, 1, 1)
	m.WorkerRestarted(0, "exit")
	m.GatherFailed(0)
	m.Route("/webhooks/rest/webhook", "webhook").Begin().End("POST", 200, 0, 0)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := known{"up": {"job": nil}}
	for _, f := range families {
		labels := map[string][]string{}
		for _, s := range f.GetMetric() {
			for _, l := range s.GetLabel() {
				if !slices.Contains(labels[l.GetName()], l.GetValue()) {
					labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
				}
			}
		}
		names[f.GetName()] = labels
		if f.GetType() == dto.MetricType_HISTOGRAM {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				names[f.GetName()+suffix] = labels
			}
		}
	}
	return names
}

var (
	// metricName finds the names in a query that are ours or the process's.
	metricName = regexp.MustCompile(`\b(?:parley_[a-z0-9_]+|parley:[a-z0-9_:]+|process_[a-z_]+|go_[a-z_]+|up\b)`)
	// selector finds a metric with its matchers.
	selector = regexp.MustCompile(`\b(parley_[a-z0-9_]+)\{([^}]*)\}`)
	// matcher finds one matcher.
	matcher  = regexp.MustCompile(`([a-z_]+)(=~|!~|!=|=)"([^"]*)"`)
	recorded = regexp.MustCompile(`(?m)^- record: (\S+)$`)
	alertOf  = regexp.MustCompile(`(?m)^- alert: (\S+)$`)
)

// target are labels that Prometheus adds.
var target = []string{"namespace", "job", "pod", "le"}

// check reports what a query names that a server does not expose: a metric, a label of it, a value of a closed label.
func (k known) check(t *testing.T, where, query string) {
	t.Helper()
	for _, name := range metricName.FindAllString(query, -1) {
		if _, ok := k[name]; !ok {
			t.Errorf("%s: no server exposes %s", where, name)
		}
	}
	for _, s := range selector.FindAllStringSubmatch(query, -1) {
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			label, value := m[1], m[3]
			if slices.Contains(target, label) || label == "route" || label == "code" || strings.Contains(value, "$") {
				continue
			}
			values, ok := k[s[1]][label]
			if !ok {
				t.Errorf("%s: %s has no label %s", where, s[1], label)
			}
			for one := range strings.SplitSeq(value, "|") {
				if ok && !slices.Contains(values, one) {
					t.Errorf("%s: %s{%s} is never %q, but one of %q", where, s[1], label, one, values)
				}
			}
		}
	}
}

func readRules(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../charts/parley/files/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// withRecorded adds what the recording rules make.
func (k known) withRecorded(t *testing.T) (objectives string) {
	t.Helper()
	objectives = readRules(t, "objectives.yaml")
	for _, r := range recorded.FindAllStringSubmatch(objectives, -1) {
		for _, window := range []string{"5m", "30m", "1h", "6h", "3d"} {
			k[strings.ReplaceAll(r[1], "$window", window)] = nil
		}
	}
	return objectives
}

func TestRulesNameWhatTheServerExposes(t *testing.T) {
	t.Parallel()
	k := exposed(t)
	k.check(t, "objectives.yaml", strings.ReplaceAll(k.withRecorded(t), "rate$window", "rate5m"))
	for block := range strings.SplitSeq(readRules(t, "alerts.yaml"), "- alert: ") {
		name, query, _ := strings.Cut(block, "\n")
		query, _, _ = strings.Cut(query, "annotations:") // prose may name other things
		k.check(t, name, query)
	}
}

// board is what is looked at of the dashboard.
type board struct {
	UID    string `json:"uid"`
	ID     any    `json:"id"`
	Panels []struct {
		Type, Title, Description string
		FieldConfig              struct{ Defaults struct{ Unit string } }
		Targets                  []struct{ Expr string }
	}
}

func TestDashboardShowsWhatTheServerExposes(t *testing.T) {
	t.Parallel()
	k := exposed(t)
	objectives := k.withRecorded(t)
	var b board
	if err := json.Unmarshal([]byte(readRules(t, "dashboard.json")), &b); err != nil {
		t.Fatal(err)
	}
	if b.UID != "parley-overview" || b.ID != nil {
		t.Errorf("uid %q, id %v; the id is for Grafana to give", b.UID, b.ID)
	}
	shown := map[string]bool{}
	for _, p := range b.Panels {
		if p.Type == "row" {
			continue
		}
		if p.FieldConfig.Defaults.Unit == "" || p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("panel %q lacks a unit, a description or a query", p.Title)
		}
		for _, q := range p.Targets {
			k.check(t, p.Title, q.Expr)
			for _, name := range metricName.FindAllString(q.Expr, -1) {
				shown[family(name)] = true
			}
		}
	}
	for name := range k {
		if strings.HasPrefix(name, "parley_") && !shown[family(name)] {
			t.Errorf("no panel shows %s", name)
		}
	}
	// Whoever is alerted finds what the alert measured on the dashboard.
	for _, name := range metricName.FindAllString(objectives+readRules(t, "alerts.yaml"), -1) {
		if _, ok := k[name]; ok && !strings.HasPrefix(name, "parley:") && !shown[family(name)] {
			t.Errorf("no panel shows %s, by which an alert goes", name)
		}
	}
}

// family is the metric that a series of a histogram belongs to.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

func TestEveryAlertHasARunbook(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, a := range alertOf.FindAllStringSubmatch(readRules(t, "alerts.yaml"), -1) {
		want = append(want, a[1])
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "## "); ok && strings.HasPrefix(name, "Parley") {
			got = append(got, strings.TrimSpace(name))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("alerts %q\nrunbooks %q", want, got)
	}
}
