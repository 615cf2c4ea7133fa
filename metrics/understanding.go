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
	parse      prometheus.Histogram
	components *set[prometheus.Observer]
	messages   *set[prometheus.Counter]
	confidence prometheus.Histogram
}

func newUnderstandingMetrics(b *builder) understandingMetrics {
	components := b.histogramVec("nlu_component_duration_seconds", "One component's share of understanding a text, of one text in sixteen.", bucketsFast, "component")
	messages := b.counterVec("nlu_messages_total", "Messages by how they were understood.", "result")
	return understandingMetrics{
		parse: b.histogram("nlu_parse_duration_seconds", "Understanding one text, the whole pipeline.", bucketsFast),
		components: newSet(b, "nlu_component_duration_seconds", learnerLimit,
			func(name string) prometheus.Observer { return components.WithLabelValues(name) }),
		messages:   newSet(b, "nlu_messages_total", 8, byValue(messages), "intent", "fallback", "slash", "empty"),
		confidence: b.histogram("nlu_intent_confidence", "Confidence of the intent that was chosen.", bucketsShare),
	}
}

// AllowComponents gives components of a pipeline series of their own.
func (m *Metrics) AllowComponents(names ...string) {
	if m != nil {
		m.understanding.components.allow(names...)
	}
}

// Parsed measures one understanding of a text.
func (m *Metrics) Parsed(d time.Duration) {
	if m != nil {
		m.understanding.parse.Observe(d.Seconds())
	}
}

// ComponentRan measures one component's share of understanding a text.
func (m *Metrics) ComponentRan(component string, d time.Duration) {
	if m != nil {
		m.understanding.components.at(component).Observe(d.Seconds())
	}
}

// Understood counts a message: result is "intent", "fallback", "slash" or "empty". The confidence is that of the
// intent, and is left out of the distribution when the text named its intent or was empty.
func (m *Metrics) Understood(result string, confidence float64) {
	if m == nil {
		return
	}
	m.understanding.messages.at(result).Inc()
	if result == "intent" || result == "fallback" {
		m.understanding.confidence.Observe(confidence)
	}
}

// policyMetrics are about choosing the next action.
type policyMetrics struct {
	byName *set[policySeries]
}

// policySeries is one policy's.
type policySeries struct {
	wins     prometheus.Counter
	duration prometheus.Observer
}

func newPolicyMetrics(b *builder) policyMetrics {
	wins := b.counterVec("policy_wins_total", "Predictions by the policy that decided.", "policy")
	duration := b.histogramVec("policy_duration_seconds", "One policy's prediction, of one in sixteen.", bucketsFast, "policy")
	return policyMetrics{byName: newSet(b, "policy_wins_total", learnerLimit, func(name string) policySeries {
		return policySeries{wins: wins.WithLabelValues(name), duration: duration.WithLabelValues(name)}
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

// Predicted counts a prediction by the policy that won.
func (m *Metrics) Predicted(policy string) {
	if m != nil {
		m.policies.byName.at(policyClass(policy)).wins.Inc()
	}
}

// PolicyRan measures one policy's prediction.
func (m *Metrics) PolicyRan(policy string, d time.Duration) {
	if m != nil {
		m.policies.byName.at(policyClass(policy)).duration.Observe(d.Seconds())
	}
}
