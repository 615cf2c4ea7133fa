package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/logging"
)

func TestErrorsDoNotQuote(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text string
		want [3]string // none, redacted, full
	}{
		{"read /etc/x: EOF", [3]string{"read /etc/x: EOF", "read /etc/x: EOF", "read /etc/x: EOF"}},
		{`slot "a@b.c" of action_x: "\"q\" \\" is no number`, [3]string{`slot "…" of action_x: "…" is no number`, `slot "<email>" of action_x: "\"q\" \\" is no number`, `slot "a@b.c" of action_x: "\"q\" \\" is no number`}},
		{`odd "a@b.c`, [3]string{`odd "…"`, `odd "<email>"`, `odd "a@b.c`}},
		{`odd "a\`, [3]string{`odd "…"`, `odd "a\"`, `odd "a\`}},
	} {
		for rule, want := range tc.want {
			log, out := open(func(c *logging.Config) { c.UserText = logging.UserTextRule(rule) })
			log.Warn("m", "error", errors.New(tc.text))
			if got := parse(t, out.String())[0]["err"]; got != want {
				t.Errorf("%s is shown as %s, want %s", tc.text, got, want)
			}
		}
	}
}

// canary is what no line may show.
const canary = "canary4711"

func TestPrivateValuesAreHidden(t *testing.T) {
	t.Parallel()
	values := map[string]any{
		"text":     logging.UserText(canary),
		"slot":     logging.SlotValue{Value: canary},
		"nested":   logging.SlotValue{Value: map[string]any{canary: []any{canary}}},
		"sender":   logging.SenderID(canary),
		"secret":   logging.NewSecret(canary),
		"in group": slog.GroupValue(slog.Any("a", logging.UserText(canary))),
	}
	handlers := map[string]func(out *bytes.Buffer) *slog.Logger{
		"json":        func(out *bytes.Buffer) *slog.Logger { return logged(out, true) },
		"text":        func(out *bytes.Buffer) *slog.Logger { return logged(out, false) },
		"slog's json": func(out *bytes.Buffer) *slog.Logger { return slog.New(slog.NewJSONHandler(out, nil)) },
		"slog's text": func(out *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(out, nil)) },
	}
	for name, value := range values {
		for kind, open := range handlers {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				var out bytes.Buffer
				log := open(&out)
				log.With("a", value).WithGroup("g").Info("m", "b", value, "sender_id", value)
				if got := out.String(); strings.Contains(got, canary) || !strings.Contains(got, "b") {
					t.Errorf("logged %s", got)
				}
			})
		}
	}
}

func logged(out *bytes.Buffer, json bool) *slog.Logger {
	return logging.New(logging.Config{Out: out, JSON: json, Levels: logging.NewLevels(slog.LevelDebug, nil), HashKey: []byte("key")})
}

func TestSecretsShowThemselvesNowhere(t *testing.T) {
	t.Parallel()
	s := logging.NewSecret(canary)
	holder := struct {
		Secret  logging.Secret
		Pointer *logging.Secret
	}{s, &s}
	shown := []string{
		fmt.Errorf("with %v: %w", s, errors.New("x")).Error(),
		fmt.Sprint(s, &s, holder), fmt.Sprintf("%+v %#v", holder, holder),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s))
	}
	text, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range append(shown, string(text)) {
		if strings.Contains(got, canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) {
			t.Errorf("shown: %s", got)
		}
	}
	if s.Reveal() != canary {
		t.Error("the secret is lost")
	}
}

func TestUserTextIsShownByTheRule(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]any{
		"":         map[string]any{"chars": 18.0},
		"none":     map[string]any{"chars": 18.0},
		"redacted": "mail <email>",
		"full":     "mail ann@example.é",
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			parsed, err := logging.ParseUserTextRule(rule)
			if err != nil {
				t.Fatal(err)
			}
			log, out := open(func(c *logging.Config) { c.UserText = parsed })
			log.Info("m", "text", logging.UserText("mail ann@example.é"), "slot", logging.SlotValue{Value: "v"}, "sender", logging.SenderID("me"))
			got := parse(t, out.String())[0]
			if m, ok := got["text"].(map[string]any); ok {
				if hash, _ := m["hash"].(string); len(hash) != 12 {
					t.Errorf("hash %q", hash)
				}
				delete(m, "hash")
			}
			if diff := cmp.Diff(want, got["text"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if id, _ := got["sender"].(string); len(id) != 12 {
				t.Errorf("a sender is shown as %q", id)
			}
		})
	}
	if _, err := logging.ParseUserTextRule("some"); err == nil {
		t.Error("an unknown rule is taken")
	}
}

func TestRedactor(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                  "",
		"book 2 rooms for 3 nights":         "book 2 rooms for 3 nights",
		"mail Ann.O+x@mail.example.org!":    "mail <email>!",
		"call +49 (0)170 123-4567 now":      "call <phone> now",
		"call 0170/1234567":                 "call <phone>",
		"DE89 3704 0044 0532 0130 00 is it": "<iban> is it",
		"de89370400440532013000":            "<iban>",
		"GB82-WEST-1234-5698-7654-32":       "<iban>",
		"4111 1111 1111 1111":               "<card>",
		"from 192.168.0.1.":                 "from <ip>.",
		"from 2001:db8::1 on":               "from <ip> on",
		"at 12:30 or 999.1.2.3":             "at 12:30 or 999.1.2.3",
		"order 55512":                       "order <digits>",
		"ticket ab-77":                      "ticket <redacted>",
	} {
		r, err := logging.NewRedactor("\n(?i)ab-\\d+\n\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Redact(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if _, err := logging.NewRedactor("a\n("); err == nil || !strings.Contains(err.Error(), "pattern 2") {
		t.Errorf("a broken pattern: %v", err)
	}
}

// FuzzRedact holds that no long run of digits and no address is left.
func FuzzRedact(f *testing.F) {
	f.Add("ann@example.org 4111 1111 1111 1111 DE89 3704 0044 0532 0130 00 +49 170 1234567 10.0.0.1")
	left := regexp.MustCompile(`\d{5}|\w@\w`)
	f.Fuzz(func(t *testing.T, text string) {
		if got := (*logging.Redactor)(nil).Redact(text); left.MatchString(got) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

func TestRequestsHaveIDs(t *testing.T) {
	t.Parallel()
	for given, taken := range map[string]bool{
		"": false, "0123456": false, "01234567": true, "5f0c1d2e-1234-4abc-8def-0123456789AB": true,
		"hello-there": false, strings.Repeat("a", 65): false, "0123\n4567": false,
	} {
		r := logging.NewRequest([]byte(given))
		id := r.ID()
		if (id == given) != taken || !taken && len(id) != 32 || r.ID() != id {
			t.Errorf("%q becomes %q, then %q", given, id, r.ID())
		}
	}
	r := logging.NewRequest(nil)
	if got := logging.RequestOf(logging.WithRequest(t.Context(), r)); got != r || logging.RequestOf(t.Context()).ID() != "" {
		t.Error("a context does not keep its request")
	}
}
