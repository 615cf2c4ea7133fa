package logging

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// Redactor replaces what identifies people by what it is: <email>, <iban>, <card>, <ip>, <phone>, <digits>, and <redacted> for what
// the operator's own patterns find. It errs on the side of replacing too much. Names are not found.
type Redactor struct{ own []*regexp.Regexp }

// NewRedactor makes a redactor with further patterns, one a line, in Go's syntax of regular expressions.
func NewRedactor(patterns string) (*Redactor, error) {
	r := &Redactor{}
	for line := range strings.Lines(patterns) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		re, err := regexp.Compile(line)
		if err != nil {
			return nil, fmt.Errorf("pattern %d: %w", len(r.own)+1, err)
		}
		r.own = append(r.own, re)
	}
	return r, nil
}

// detector finds one kind of identifying text. What it matches is replaced if confirm agrees.
type detector struct {
	name    string
	find    *regexp.Regexp
	confirm func(match string) bool // nil: always
}

// detectors run in this order: a card number would be a phone number to the later ones.
var detectors = []detector{
	{"<email>", regexp.MustCompile(`[\pL\pN._%+\-]+@[\pL\pN\-]+(?:\.[\pL\pN\-]+)*`), nil},
	{"<iban>", regexp.MustCompile(`(?i)\b[a-z]{2}\d{2}(?:[ \-]?[a-z0-9]{4}){2,7}(?:[ \-]?[a-z0-9]{1,3})?\b`), isIBAN},
	{"<ip>", regexp.MustCompile(`(?i)\b(?:\d{1,3}\.){3}\d{1,3}\b|[0-9a-f]*:[0-9a-f:]*:[0-9a-f.:]*`), isIP},
	{"<card>", regexp.MustCompile(`\b\d(?:[ \-]?\d){12,18}\b`), isCard},
	{"<phone>", regexp.MustCompile(`\+?\(?\d(?:[\s()./\-]*\d){6,}`), nil},
	{"<digits>", regexp.MustCompile(`\d{5,}`), nil},
}

// Redact replaces what identifies people in a text.
func (r *Redactor) Redact(text string) string {
	if r != nil {
		for _, re := range r.own {
			text = re.ReplaceAllLiteralString(text, "<redacted>")
		}
	}
	for _, d := range detectors {
		text = d.find.ReplaceAllStringFunc(text, func(match string) string {
			if d.confirm != nil && !d.confirm(match) {
				return match
			}
			return d.name
		})
	}
	return text
}

// isIBAN holds if the check digits are right, or if it is written as account numbers are: a mistyped one is one, too.
func isIBAN(s string) bool {
	s = strings.NewReplacer(" ", "", "-", "").Replace(s)
	upper := strings.ToUpper(s)
	rest := 0
	for _, c := range upper[4:] + upper[:4] {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	return rest == 1 || s == upper
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(strings.Trim(s, "."))
	return err == nil
}

// isCard is Luhn's check.
func isCard(s string) bool {
	sum, double := 0, false
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			continue
		}
		d := int(s[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		double = !double
	}
	return sum%10 == 0
}
