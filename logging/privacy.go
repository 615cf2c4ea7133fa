package logging

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"strings"
	"sync"
	"unicode/utf8"
)

// UserTextRule says what the log shows of text that users wrote.
type UserTextRule int

// The rules.
const (
	UserTextNone     UserTextRule = iota // its length and a keyed hash
	UserTextRedacted                     // the text without what identifies people; see Redactor
	UserTextFull                         // the text
)

// ParseUserTextRule reads "none", "redacted" or "full"; "" is none.
func ParseUserTextRule(s string) (UserTextRule, error) {
	switch s {
	case "", "none":
		return UserTextNone, nil
	case "redacted":
		return UserTextRedacted, nil
	case "full":
		return UserTextFull, nil
	}
	return 0, fmt.Errorf("%q is not one of none, redacted, full", s)
}

// privacy is what the log does to private values.
type privacy struct {
	rule   UserTextRule
	redact *Redactor
	hashes sync.Pool // of hash.Hash: a keyed one that is reset costs half of a new one
}

func newPrivacy(key []byte, rule UserTextRule, r *Redactor) *privacy {
	p := &privacy{rule: rule, redact: r}
	p.hashes.New = func() any { return hmac.New(sha256.New, key) }
	return p
}

// hash is the keyed hash of a text, 12 hex digits.
func (p *privacy) hash(text string) string {
	h, _ := p.hashes.Get().(hash.Hash)
	h.Reset()
	_, _ = io.WriteString(h, text) // never fails
	var sum [sha256.Size]byte
	s := hex.EncodeToString(h.Sum(sum[:0])[:6])
	p.hashes.Put(h)
	return s
}

// showError is the text of an error. What it quotes may be a user's: errors name with quotes what they found in data, and without what
// the operator has written.
func (p *privacy) showError(err error) string {
	text := err.Error()
	if p.rule == UserTextFull || !strings.Contains(text, `"`) {
		return text
	}
	var b strings.Builder
	for {
		before, rest, quoted := strings.Cut(text, `"`)
		b.WriteString(before)
		if !quoted {
			return b.String()
		}
		end := 0
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(rest)) // what has no end is quoted to the end of all
		if p.rule == UserTextRedacted {
			b.WriteString(`"` + p.redact.Redact(rest[:end]) + `"`)
		} else {
			b.WriteString(`"…"`)
		}
		text = rest[min(end+1, len(rest)):]
	}
}

// show is what the log shows of a private value.
func (p *privacy) show(h hidden) slog.Value {
	switch {
	case h.sender:
		return slog.StringValue(p.hash(h.text))
	case p.rule == UserTextFull:
		return slog.StringValue(h.text)
	case p.rule == UserTextRedacted:
		return slog.StringValue(p.redact.Redact(h.text))
	}
	return slog.GroupValue(slog.Int("chars", utf8.RuneCountInString(h.text)), slog.String("hash", p.hash(h.text)))
}
