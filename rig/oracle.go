package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// scrape reads what a pod has measured: values by series.
func scrape(ctx context.Context, p *pod) (map[string]float64, error) {
	text, err := get(ctx, fmt.Sprintf("http://127.0.0.1:%d/metrics", p.admin))
	if err != nil {
		return nil, err
	}
	series := map[string]float64{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := cutLast(strings.TrimSpace(line))
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil {
			series[name] = v
		}
	}
	return series, nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// turns is how many turns all pods have counted that ran and were stored.
func (f *fleet) turns(ctx context.Context) (float64, error) {
	total := 0.0
	for _, p := range f.pods {
		series, err := scrape(ctx, p)
		if err != nil {
			return 0, err
		}
		for _, outcome := range []string{"ok", "silent"} {
			total += series[`parley_turns_total{channel="rest",outcome="`+outcome+`"}`]
		}
	}
	return total, nil
}

// seen is how many turns Prometheus has seen being counted, over restarts of pods: what a pod that was killed counted after its
// last scrape is missing.
func (f *fleet) seen(ctx context.Context) (float64, error) {
	if err := pass(ctx, 1500*time.Millisecond); err != nil { // one more scrape of every pod
		return 0, err
	}
	series, err := f.ask(ctx, `parley_turns_total{channel="rest",outcome=~"ok|silent"}[1h]`)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, s := range series {
		last := 0.0
		for _, v := range s.Values {
			text, _ := v[1].(string)
			now, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return 0, fmt.Errorf("decode a sample: %w", err)
			}
			if now < last {
				last = 0 // it began anew
			}
			total += now - last
			last = now
		}
	}
	return total, nil
}

// audit compares the trackers with what was acknowledged: texts that are missing, and that are there more than once or out of
// order.
func (f *fleet) audit(ctx context.Context, clients []*client) (lost, doubled int, err error) {
	for _, c := range clients {
		body, err := get(ctx, fmt.Sprintf("http://127.0.0.1:%d/conversations/%s/tracker?include_events=ALL", f.pods[0].port, c.sender))
		if err != nil {
			return 0, 0, err
		}
		var tracker struct {
			Events []struct{ Event, Text string }
		}
		if err := json.Unmarshal([]byte(body), &tracker); err != nil {
			return 0, 0, fmt.Errorf("decode the tracker of %s: %w", c.sender, err)
		}
		stored := map[string]int{}
		for _, e := range tracker.Events {
			if e.Event == "user" {
				stored[e.Text]++
			}
		}
		for _, text := range c.acked {
			if stored[text] == 0 {
				lost++
			}
		}
		for _, n := range stored {
			doubled += n - 1
		}
	}
	return lost, doubled, nil
}

// answer is one series that Prometheus answers with.
type answer struct {
	Metric map[string]string
	Values [][2]any // time and value, for a range
}

// ask puts a query to Prometheus.
func (f *fleet) ask(ctx context.Context, query string) ([]answer, error) {
	body, err := get(ctx, f.prom+"/api/v1/query?query="+url.QueryEscape(query))
	if err != nil {
		return nil, err
	}
	var all struct {
		Data struct{ Result json.RawMessage }
	}
	var series []answer
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		return nil, fmt.Errorf("decode the answer of Prometheus: %w", err)
	}
	if err := json.Unmarshal(all.Data.Result, &series); err != nil {
		return nil, fmt.Errorf("decode the answer of Prometheus: %w", err)
	}
	return series, nil
}
