package nlu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/dialogue"
)

// ducklingURL is the environment variable that overrides the option url.
const ducklingURL = "RASA_DUCKLING_HTTP_URL"

// ducklingLimit bounds the size of an answer.
const ducklingLimit = 4 << 20

// ducklingExtractor asks a Duckling server for dates, amounts and the like. A server that does not answer costs the
// message its entities, not the answer.
type ducklingExtractor struct {
	url, locale, timezone string
	dimensions            []string // none: all
	client                *http.Client
	log                   *slog.Logger
	pass                  func(ctx context.Context, h http.Header) // nil: nothing is passed on
}

func newDucklingEntityExtractor(o *options) component {
	d := &ducklingExtractor{url: o.text("url", ""), locale: o.text("locale", ""), timezone: o.text("timezone", ""), dimensions: o.texts("dimensions")}
	timeout := o.number("timeout", 3)
	if timeout <= 0 {
		o.fail("timeout", "must be positive")
		timeout = 3
	}
	if env := os.Getenv(ducklingURL); env != "" {
		d.url = env
	}
	if d.url != "" {
		if u, err := url.Parse(d.url); err != nil || u.Host == "" {
			o.fail("url", "%q is not the address of a server", d.url)
		}
	}
	d.client = &http.Client{Timeout: time.Duration(timeout * float64(time.Second))}
	d.log = slog.New(slog.DiscardHandler)
	return d
}

func (d *ducklingExtractor) logTo(l *slog.Logger) { d.log = l }

func (d *ducklingExtractor) passBy(pass func(ctx context.Context, h http.Header)) { d.pass = pass }

func (d *ducklingExtractor) train(_ context.Context, t *training) error { //nolint:unparam // as the interface wants it
	if d.url == "" {
		t.warn("DucklingEntityExtractor: neither the option url nor %s names a server, so it finds nothing", ducklingURL)
	}
	return nil
}

func (d *ducklingExtractor) process(ctx context.Context, m *message) error {
	if d.url == "" || m.text == "" {
		return nil
	}
	matches, err := d.ask(ctx, m.text)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d.log.ErrorContext(ctx, "duckling did not answer; its entities are missing", slog.String("url", d.url), slog.Any("error", err))
		return nil
	}
	for _, match := range matches {
		if e, ok := ducklingEntity(m.text, match); ok && (len(d.dimensions) == 0 || slices.Contains(d.dimensions, e.Entity)) {
			m.entities = append(m.entities, e)
		}
	}
	return nil
}

// ask sends a text and gives the objects of the answer.
func (d *ducklingExtractor) ask(ctx context.Context, text string) ([]map[string]any, error) {
	dims := "null"
	if d.dimensions != nil {
		list, err := json.Marshal(d.dimensions)
		if err != nil {
			return nil, err
		}
		dims = string(list)
	}
	form := url.Values{"text": {text}, "dims": {dims}, "reftime": {strconv.FormatInt(time.Now().UnixMilli(), 10)}}
	if d.locale != "" {
		form.Set("locale", d.locale)
	}
	if d.timezone != "" {
		form.Set("tz", d.timezone)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(d.url, "/")+"/parse", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	if d.pass != nil {
		d.pass(ctx, req.Header)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is lost
	raw, err := io.ReadAll(io.LimitReader(resp.Body, ducklingLimit))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	v, err := dialogue.DecodeJSON(raw)
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("the answer is no list")
	}
	out := make([]map[string]any, 0, len(list))
	for _, e := range list {
		if object, ok := e.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out, nil
}

// ducklingEntity makes an entity of one object of the answer; ok is false when it lacks what an entity needs.
func ducklingEntity(text string, match map[string]any) (dialogue.Entity, bool) {
	dim, _ := match["dim"].(string)
	start, hasStart := match["start"].(int)
	end, hasEnd := match["end"].(int)
	info, hasValue := match["value"].(map[string]any)
	from, to, inside := byteRange(text, start, end)
	if dim == "" || !hasStart || !hasEnd || !hasValue || !inside {
		return dialogue.Entity{}, false
	}
	value := info["value"]
	if info["type"] == "interval" {
		side := func(name string) any {
			o, _ := info[name].(map[string]any)
			return o["value"]
		}
		value = map[string]any{"to": side("to"), "from": side("from")}
	}
	body, ok := match["body"]
	if !ok {
		body = match["text"]
	}
	return dialogue.Entity{
		Entity: dim, Value: value, Start: from, End: to, Extractor: "DucklingEntityExtractor",
		Extra: map[string]any{"text": body, "confidence": 1.0, "additional_info": info},
	}, true
}
