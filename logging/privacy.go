package logging

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"log/slog"
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
