package action

import (
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/dialogue"
)

// cmpEvents compares events without their times.
var cmpEvents = cmp.Options{cmpopts.IgnoreFields(dialogue.Header{}, "Timestamp"), cmpopts.EquateEmpty()}

// variant is a variation with a text, for a channel and under conditions.
func variant(text, channel string, conditions ...dialogue.ResponseCondition) dialogue.Response {
	r := dialogue.Response{Body: map[string]any{"text": text}, Channel: channel, Conditional: len(conditions) > 0, Conditions: conditions}
	if channel != "" {
		r.Body["channel"] = channel
	}
	return r
}

func when(slot string, value any) dialogue.ResponseCondition {
	return dialogue.ResponseCondition{Type: "slot", Name: slot, Value: value}
}

func responseDomain(list ...dialogue.Response) *dialogue.Domain {
	return domain(dialogue.Domain{
		Slots:     []dialogue.Slot{textSlot("plan"), textSlot("n"), textSlot("nick")},
		Responses: map[string][]dialogue.Response{"utter_x": list},
	})
}

// TestResponseOrder is T96.
func TestResponseOrder(t *testing.T) {
	t.Parallel()
	all := []dialogue.Response{
		variant("default", ""), variant("conditional", "", when("plan", "PRO")), variant("default here", "collector"),
		variant("conditional here", "collector", when("plan", "pro")), variant("elsewhere", "slack"),
		variant("conditional elsewhere", "slack", when("plan", "pro")),
	}
	order := []string{"conditional here", "default here", "conditional", "default"}
	for i, want := range append(order, "") {
		var left []dialogue.Response
		for _, r := range all {
			if !contains(order[:i], r.Body["text"].(string)) {
				left = append(left, r)
			}
		}
		d := responseDomain(left...)
		if want != "" {
			want = "B(" + want + ")"
		}
		wantRun(t, newActions(t, d, Config{}), "utter_x", tracker(d, user("x"), set("plan", "pro")), want)
	}
}

func contains(list []string, s string) bool {
	return strings.Contains("|"+strings.Join(list, "|")+"|", "|"+s+"|")
}

func TestResponseConditions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		slot, want any
		matches    bool
	}{
		"texts without case":      {"GOLD", "gold", true},
		"folded texts":            {"STRASSE", "straße", true},
		"another text":            {"gold", "silver", false},
		"a number and its truth":  {true, 1, true},
		"a whole and a float":     {1.0, 1, true},
		"a text is no number":     {"1", 1, false},
		"null":                    {nil, nil, true},
		"null is not false":       {nil, false, false},
		"lists":                   {[]any{1, "a"}, []any{1.0, "a"}, true},
		"lists of another length": {[]any{1}, []any{1, 1}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := responseDomain(variant("yes", "", when("plan", test.want)), variant("no", ""))
			want := map[bool]string{true: "B(yes)", false: "B(no)"}[test.matches]
			wantRun(t, newActions(t, d, Config{}), "utter_x", tracker(d, user("x"), set("plan", test.slot)), want)
		})
	}
	t.Run("all conditions must hold", func(t *testing.T) {
		t.Parallel()
		d := responseDomain(variant("both", "", when("plan", "a"), when("n", 1)), variant("no", ""))
		a := newActions(t, d, Config{})
		wantRun(t, a, "utter_x", tracker(d, user("x"), set("plan", "a")), "B(no)")
		wantRun(t, a, "utter_x", tracker(d, user("x"), set("plan", "a"), set("n", 1)), "B(both)")
	})
	t.Run("a slot that the domain does not have is null", func(t *testing.T) {
		t.Parallel()
		d := responseDomain(variant("yes", "", when("nope", nil)), variant("no", ""))
		wantRun(t, newActions(t, d, Config{}), "utter_x", tracker(d), "B(yes)")
	})
	t.Run("a chosen condition without type fails", func(t *testing.T) {
		t.Parallel()
		untyped := when("plan", "a")
		untyped.NoType = true
		d := responseDomain(variant("yes", "", untyped), variant("no", ""))
		a := newActions(t, d, Config{})
		wantRun(t, a, "utter_x", tracker(d), "B(no)")
		if events, err := run(t, a, "utter_x", tracker(d, set("plan", "a"))); err == nil {
			t.Errorf("got %s, want an error", show(events))
		}
	})
	t.Run("an empty list of conditions is never chosen", func(t *testing.T) {
		t.Parallel()
		unusable := variant("never", "")
		unusable.Unusable = true
		d := responseDomain(unusable)
		wantRun(t, newActions(t, d, Config{}), "utter_x", tracker(d), "")
	})
}

func TestResponseIsChosenAtRandomWithinItsGroup(t *testing.T) {
	t.Parallel()
	d := responseDomain(variant("a", ""), variant("other", "slack"), variant("b", ""), variant("c", "", when("plan", "x")))
	var asked []int
	pick := 0
	a := newActions(t, d, Config{Random: func(n int) int { asked = append(asked, n); return pick }})
	wantRun(t, a, "utter_x", tracker(d), "B(a)")
	pick = 1
	wantRun(t, a, "utter_x", tracker(d), "B(b)")
	if diff := cmp.Diff([]int{2, 2}, asked); diff != "" {
		t.Error(diff)
	}
}

func TestMissingResponseSaysNothing(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{CustomActions: []string{"utter_gone"}})
	wantRun(t, newActions(t, d, Config{}), "utter_gone", tracker(d), "")
}

func body(pairs ...any) map[string]any {
	m := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// data is the data of a bot event: the pairs and nulls.
func data(pairs ...any) map[string]any {
	m := body("elements", nil, "quick_replies", nil, "buttons", nil, "attachment", nil, "image", nil, "custom", nil)
	maps.Copy(m, body(pairs...))
	return m
}

func TestResponseEvents(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body map[string]any
		want *dialogue.BotUttered
	}{
		"T97 nothing is null": {
			body("text", "Hi {nick}"), &dialogue.BotUttered{Text: "Hi None", Data: data()},
		},
		"buttons": {
			body("text", "{plan}:", "buttons", []any{body("title", "Take {plan}", "payload", `/take{{"p":"{plan}"}}`)}, "button_type", "inline"),
			&dialogue.BotUttered{
				Header: dialogue.Header{Metadata: body("button_type", "inline")}, Text: "pro:",
				Data: data("buttons", []any{body("title", "Take pro", "payload", `/take{"p":"pro"}`)}),
			},
		},
		"T98 an image is an attachment too": {
			body("image", "i/{plan}.png"), &dialogue.BotUttered{NoText: true, Data: data("image", "i/pro.png", "attachment", "i/pro.png")},
		},
		"an attachment of its own": {
			body("text", "", "image", "i.png", "attachment", body("url", "{n}")),
			&dialogue.BotUttered{Data: data("image", "i.png", "attachment", body("url", "5.0"))},
		},
		"elements are left as they are": {
			body("text", "x", "elements", []any{body("title", "{plan}")}),
			&dialogue.BotUttered{Text: "x", Data: data("elements", []any{body("title", "{plan}")})},
		},
		"custom, to any depth": {
			body("custom", body("rows", []any{body("deep", []any{"{plan}", 5, true, nil, "x"})}, "k", "v")),
			&dialogue.BotUttered{NoText: true, Data: data("custom", body("rows", []any{body("deep", []any{"pro", 5, true, nil, "x"})}, "k", "v"))},
		},
		"quick replies": {
			body("text", "q", "quick_replies", []any{body("title", "{n}")}),
			&dialogue.BotUttered{Text: "q", Data: data("quick_replies", []any{body("title", "5.0")})},
		},
		"other keys become metadata, not filled": {
			body("text", "m", "id", "r1", "metadata", body("k", "{plan}"), "channel", "collector"),
			&dialogue.BotUttered{
				Header: dialogue.Header{Metadata: body("id", "r1", "metadata", body("k", "{plan}"), "channel", "collector")}, Text: "m", Data: data(),
			},
		},
		"nothing": {body(), &dialogue.BotUttered{NoText: true, Data: data()}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := responseDomain(dialogue.Response{Body: test.body})
			if test.want.Metadata == nil {
				test.want.Metadata = map[string]any{}
			}
			test.want.Metadata["utter_action"] = "utter_x"
			a := newActions(t, d, Config{})
			for range 2 { // saying it must not change it
				events, err := run(t, a, "utter_x", tracker(d, user("x"), set("plan", "pro"), set("n", 5.0)))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]dialogue.Event{test.want}, events, cmpEvents); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestResponseThatCannotBeFilledFails(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]map[string]any{
		"text":   body("text", "one { brace"),
		"button": body("text", "x", "buttons", []any{body("title", "one } brace")}),
	} {
		d := responseDomain(dialogue.Response{Body: b})
		if events, err := run(t, newActions(t, d, Config{}), "utter_x", tracker(d)); err == nil {
			t.Errorf("%s: got %s, want an error", name, show(events))
		}
	}
}

// TestRecordedEventsAreIndependent: events share what is the same for all, so recording one must not show in another.
func TestRecordedEventsAreIndependent(t *testing.T) {
	t.Parallel()
	d := responseDomain(variant("a", ""), variant("b", ""))
	a, err := New(d, Config{Random: rand.IntN})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			tr := tracker(d, user("x"))
			tr.ModelID = strings.Repeat("m", i+1)
			for range 50 {
				events, err := run(t, a, "utter_x", tr)
				if err != nil {
					t.Error(err)
					return
				}
				tr.Record(1700000000, events...)
				if got := events[0].Head().Metadata; got["model_id"] != tr.ModelID || got["utter_action"] != "utter_x" {
					t.Errorf("metadata %v, want the id %s", got, tr.ModelID)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkUtter(b *testing.B) {
	for name, text := range map[string]string{"plain": "Hello there.", "filled": "Hello {nick}, you have plan {plan}."} {
		b.Run(name, func(b *testing.B) {
			d := responseDomain(variant(text, ""))
			a := newActions(b, d, Config{})
			tr := tracker(d, user("x"), set("nick", "Ann"))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Run(b.Context(), "utter_x", Call{Tracker: tr, Channel: "collector"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
