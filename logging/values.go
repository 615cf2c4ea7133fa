package logging

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"
)

// UserText is text that a user wrote, or that was made of it.
type UserText string

// LogValue hides the text, unless the log is to show it.
func (t UserText) LogValue() slog.Value { return slog.AnyValue(hidden{text: string(t)}) }

// SlotValue is the value of a slot or an entity: anything that JSON can hold.
type SlotValue struct{ Value any }

// LogValue hides the value, unless the log is to show it.
func (v SlotValue) LogValue() slog.Value {
	text, err := json.Marshal(v.Value)
	if err != nil {
		text = fmt.Appendf(nil, "%T", v.Value) // no value of ours, so none of a user's
	}
	return slog.AnyValue(hidden{text: string(text)})
}

// SenderID is the id of a conversation, which often is a user's: a phone number, an address.
type SenderID string

// LogValue hides the id; the log shows a keyed hash of it.
func (id SenderID) LogValue() slog.Value {
	return slog.AnyValue(hidden{text: string(id), sender: true})
}

// hidden is what the handlers get of a private text. All but ours can only tell how long it is.
type hidden struct {
	text   string
	sender bool
}

// Format prints the length, whatever the verb.
func (h hidden) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "(%d characters)", utf8.RuneCountInString(h.text)) // the state keeps its error
}

// MarshalText is the length.
func (h hidden) MarshalText() ([]byte, error) { return fmt.Append(nil, h), nil }

// Milliseconds is an attribute with a time span as a number, to the microsecond.
func Milliseconds(key string, d time.Duration) slog.Attr {
	return slog.Float64(key, float64(d.Microseconds())/1e3)
}

// Secret is a password, a token or a key. It shows itself nowhere but to who asks for it: not in the log, not in fmt, not in JSON, and
// so not in an error that was made of it.
type Secret struct{ value string }

// NewSecret keeps a secret.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal is the secret itself.
func (s Secret) Reveal() string { return s.value }

// redacted is shown in place of a secret.
const redacted = "(secret)"

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText hides the secret, also in JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
