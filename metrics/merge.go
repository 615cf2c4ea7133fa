package metrics

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Snapshot is everything that a process has measured, as bytes for another process's Merger.
func Snapshot(g prometheus.Gatherer) ([]byte, error) {
	families, err := g.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather the metrics: %w", err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := protodelim.MarshalTo(&b, f); err != nil {
			return nil, fmt.Errorf("encode the metric %s: %w", f.GetName(), err)
		}
	}
	return b.Bytes(), nil
}

// decode reads what Snapshot wrote.
func decode(snapshot []byte) ([]*dto.MetricFamily, error) {
	r := bufio.NewReader(bytes.NewReader(snapshot))
	var families []*dto.MetricFamily
	for {
		f := new(dto.MetricFamily)
		err := protodelim.UnmarshalFrom(r, f)
		if errors.Is(err, io.EOF) {
			return families, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode metrics: %w", err)
		}
		families = append(families, f)
	}
}

// part is what one process has measured.
type part struct {
	families []*dto.MetricFamily
	parent   bool // it is the process that merges
}

// merge makes one set of metrics of several processes' sets, which it does not change. The parts are in the order in which
// the processes began. Counters, histograms and summaries are summed, gauges follow their rules.
func merge(rules map[string]rule, parts []part) []*dto.MetricFamily {
	merged := map[string]*mergedFamily{}
	for _, p := range parts {
		for _, f := range p.families {
			r := rules[f.GetName()]
			if f.GetType() == dto.MetricType_GAUGE && r != ruleLast && (r == ruleParent) != p.parent {
				continue
			}
			to := merged[f.GetName()]
			switch {
			case to == nil:
				to = &mergedFamily{
					family: &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type, Unit: f.Unit}, //nolint:protogetter // as it is, absent or not
					series: map[string]*dto.Metric{},
				}
				merged[f.GetName()] = to
			case to.family.GetType() != f.GetType():
				continue // another build means something else by this name; the first one has it
			}
			for _, m := range f.GetMetric() {
				to.add(m, r)
			}
		}
	}
	families := make([]*dto.MetricFamily, 0, len(merged))
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		f := merged[name]
		for _, key := range slices.Sorted(maps.Keys(f.series)) {
			f.family.Metric = append(f.family.Metric, f.series[key])
		}
		if len(f.series) > 0 {
			families = append(families, f.family)
		}
	}
	return families
}

// retire adds what a process that has ended measured last to what all those before it had: what only grows. Gauges and
// quantiles end with their process.
func retire(retired, last []*dto.MetricFamily) []*dto.MetricFamily {
	var grows []*dto.MetricFamily
	for _, f := range last {
		switch f.GetType() {
		case dto.MetricType_COUNTER, dto.MetricType_HISTOGRAM:
			grows = append(grows, f)
		case dto.MetricType_SUMMARY:
			f = proto.CloneOf(f)
			for _, m := range f.GetMetric() {
				m.Summary.Quantile = nil
			}
			grows = append(grows, f)
		default:
		}
	}
	return merge(nil, []part{{families: retired}, {families: grows}})
}

// mergedFamily is a metric under way to being merged.
type mergedFamily struct {
	family *dto.MetricFamily
	series map[string]*dto.Metric // by their labels
}

// add adds one process's series.
func (f *mergedFamily) add(m *dto.Metric, r rule) {
	key := seriesKey(m.GetLabel())
	to := f.series[key]
	if to == nil {
		to = proto.CloneOf(m)
		if h := to.GetHistogram(); h != nil {
			onlyClassic(h)
		}
		f.series[key] = to
		return
	}
	switch f.family.GetType() {
	case dto.MetricType_COUNTER:
		addCounter(to.GetCounter(), m.GetCounter())
	case dto.MetricType_HISTOGRAM:
		addHistogram(to.GetHistogram(), m.GetHistogram())
	case dto.MetricType_SUMMARY:
		addSummary(to.GetSummary(), m.GetSummary())
	case dto.MetricType_GAUGE:
		to.Gauge.Value = new(r.of(to.GetGauge().GetValue(), m.GetGauge().GetValue()))
	case dto.MetricType_UNTYPED:
		to.Untyped = proto.CloneOf(m.GetUntyped())
	default:
	}
}

// of is the value that comes of two.
func (r rule) of(a, b float64) float64 {
	switch r {
	case ruleSum:
		return a + b
	case ruleMax:
		return max(a, b)
	case ruleMin:
		return min(a, b)
	case ruleLast, ruleParent:
	}
	return b
}

// seriesKey is the same for the same labels.
func seriesKey(labels []*dto.LabelPair) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(l.GetName())
		b.WriteByte(0xfe) // neither byte is part of UTF-8
		b.WriteString(l.GetValue())
		b.WriteByte(0xff)
	}
	return b.String()
}

func addCounter(to, c *dto.Counter) {
	to.Value = new(to.GetValue() + c.GetValue())
	to.Exemplar = newer(to.GetExemplar(), c.GetExemplar())
	to.CreatedTimestamp = earlier(to.GetCreatedTimestamp(), c.GetCreatedTimestamp())
}

func addSummary(to, s *dto.Summary) {
	to.SampleCount = new(to.GetSampleCount() + s.GetSampleCount())
	to.SampleSum = new(to.GetSampleSum() + s.GetSampleSum())
	to.CreatedTimestamp = earlier(to.GetCreatedTimestamp(), s.GetCreatedTimestamp())
	if len(s.GetQuantile()) > 0 {
		to.Quantile = proto.CloneOf(s).GetQuantile()
	}
}

// addHistogram sums bucket by bucket. Processes of different builds may have different bounds: those that both have stay,
// and their counts, which are cumulative, stay right.
func addHistogram(to, h *dto.Histogram) {
	to.SampleCount = new(to.GetSampleCount() + h.GetSampleCount())
	to.SampleSum = new(to.GetSampleSum() + h.GetSampleSum())
	to.CreatedTimestamp = earlier(to.GetCreatedTimestamp(), h.GetCreatedTimestamp())
	var both []*dto.Bucket
	others := h.GetBucket()
	for _, b := range to.GetBucket() {
		i, ok := slices.BinarySearchFunc(others, b.GetUpperBound(), func(o *dto.Bucket, bound float64) int {
			return cmp.Compare(o.GetUpperBound(), bound)
		})
		if !ok {
			continue
		}
		b.CumulativeCount = new(b.GetCumulativeCount() + others[i].GetCumulativeCount())
		b.Exemplar = newer(b.GetExemplar(), others[i].GetExemplar())
		both = append(both, b)
	}
	to.Bucket = both
}

// onlyClassic leaves out the native half of a histogram: none of ours has one.
func onlyClassic(h *dto.Histogram) {
	h.SampleCountFloat, h.Schema, h.ZeroThreshold, h.ZeroCount, h.ZeroCountFloat = nil, nil, nil, nil, nil
	h.NegativeSpan, h.NegativeDelta, h.NegativeCount = nil, nil, nil
	h.PositiveSpan, h.PositiveDelta, h.PositiveCount = nil, nil, nil
	h.Exemplars = nil
}

func newer(a, b *dto.Exemplar) *dto.Exemplar {
	if a == nil || b != nil && b.GetTimestamp().AsTime().After(a.GetTimestamp().AsTime()) {
		return b
	}
	return a
}

func earlier(a, b *timestamppb.Timestamp) *timestamppb.Timestamp {
	if a == nil || b != nil && b.AsTime().Before(a.AsTime()) {
		return b
	}
	return a
}
