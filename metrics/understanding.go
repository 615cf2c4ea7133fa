package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// learnerLimit bounds the number of components and of policies that have series of their own.
const learnerLimit = 32

// understandingMetrics are about what a text means.
type understandingMetrics struct {
	parse      *histogram
	components *set[prometheus.Observer]
	messages   [understandings]counter
	confidence *histogram
}

func newUnderstandingMetrics(b *builder) understandingMetrics {
	components := b.histogramVec("nlu_component_duration_seconds", "One component's share of understanding a text, of one text in sixteen.", bucketsFast, "component")
	messages := b.tally.counters("nlu_messages_total", "Messages by how they were understood.", "result")
	m := understandingMetrics{
		parse: b.tally.histograms("nlu_parse_duration_seconds", "Understanding one text, the whole pipeline.", bucketsFast)(),
		components: newSet(b, "nlu_component_duration_seconds", learnerLimit,
			func(name string) prometheus.Observer { return components.WithLabelValues(name) }),
		confidence: b.tally.histograms("nlu_intent_confidence", "Confidence of the intent that was chosen.", bucketsShare)(),
	}
	for u, name := range [understandings]string{"intent", "fallback", "slash", "empty"} {
		m.messages[u] = messages(name)
	}
	return m
}

// Understanding is how a message was understood.
type Understanding int

// The ways to understand a message.
const (
	UnderstoodIntent   Understanding = iota // as an intent
	UnderstoodFallback                      // no intent was sure enough
	UnderstoodSlash                         // it named its intent
	UnderstoodEmpty                         // there was no text
	understandings                          // how many there are
)

// AllowComponents gives components of a pipeline series of their own.
func (m *Metrics) AllowComponents(names ...string) {
	if m != nil {
		m.understanding.components.allow(names...)
	}
}

// ComponentRan measures one component's share of understanding a text.
func (m *Metrics) ComponentRan(component string, d time.Duration) {
	if m != nil {
		m.understanding.components.at(component).Observe(d.Seconds())
	}
}

// policyMetrics are about choosing the next action.
type policyMetrics struct {
	byName *set[*policySeries]
}

// policySeries is one policy's.
type policySeries struct {
	wins     counter
	duration prometheus.Observer
}

func newPolicyMetrics(b *builder) policyMetrics {
	wins := b.tally.counters("policy_wins_total", "Predictions by the policy that decided.", "policy")
	duration := b.histogramVec("policy_duration_seconds", "One policy's prediction, of one in sixteen.", bucketsFast, "policy")
	return policyMetrics{byName: newSet(b, "policy_wins_total", learnerLimit, func(name string) *policySeries {
		return &policySeries{wins: wins(name), duration: duration.WithLabelValues(name)}
	}, "MemoizationPolicy", "AugmentedMemoizationPolicy", "RulePolicy", "TEDPolicy", "UnexpecTEDIntentPolicy")}
}

// AllowPolicies gives policies series of their own; the names of the built-in ones are allowed already.
func (m *Metrics) AllowPolicies(names ...string) {
	if m == nil {
		return
	}
	for _, name := range names {
		m.policies.byName.allow(policyClass(name))
	}
}

// policyClass is the class of a policy in an ensemble: policy_2_TEDPolicy is a TEDPolicy.
func policyClass(name string) string {
	rest, ok := strings.CutPrefix(name, "policy_")
	if !ok {
		return name
	}
	if _, class, ok := strings.Cut(rest, "_"); ok {
		return class
	}
	return name
}

// Policy is how one policy is measured. The zero Policy measures nothing.
type Policy struct{ of *policySeries }

// Policy returns how a policy is measured, by the name it has in its ensemble.
func (m *Metrics) Policy(name string) Policy {
	if m == nil {
		return Policy{}
	}
	return Policy{m.policies.byName.at(policyClass(name))}
}

// PolicyRan measures one policy's prediction.
func (m *Metrics) PolicyRan(policy string, d time.Duration) {
	if m != nil {
		m.policies.byName.at(policyClass(policy)).duration.Observe(d.Seconds())
	}
}
