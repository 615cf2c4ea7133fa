package worker

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"

	"parley/dialogue"
)

// queryValue returns the first value of a query parameter that is not blank, "" if there is none.
func queryValue(raw []byte, name string) string {
	for len(raw) > 0 {
		var pair []byte
		if i := bytes.IndexByte(raw, '&'); i >= 0 {
			pair, raw = raw[:i], raw[i+1:]
		} else {
			pair, raw = raw, nil
		}
		key, value, _ := bytes.Cut(pair, []byte("="))
		if len(value) == 0 || unescape(string(key)) != name {
			continue
		}
		return unescape(string(value))
	}
	return ""
}

// unescape decodes a part of a query; what is no escape stays as it is.
func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return strings.ToValidUTF8(s, "�")
	}
	out, err := url.QueryUnescape(s)
	if err != nil {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == '+':
				b.WriteByte(' ')
			case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
				n, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
				b.WriteByte(byte(n))
				i += 2
			default:
				b.WriteByte(s[i])
			}
		}
		out = b.String()
	}
	return strings.ToValidUTF8(out, "�")
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// query returns a query parameter, "" if it is absent or blank.
func (c *call) query(name string) string {
	return queryValue(c.Context().URI().QueryString(), name)
}

// flag is a boolean query parameter: only "true" is true.
func (c *call) flag(name string, byDefault bool) bool {
	v := c.query(name)
	if v == "" {
		return byDefault
	}
	return strings.EqualFold(v, "true")
}

// number is an integer query parameter; what is none counts as absent.
func (c *call) number(name string, byDefault int) int {
	v := c.query(name)
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil {
		if v != "" {
			c.w.log.Warn("a query parameter is no whole number and was ignored", "parameter", name)
		}
		return byDefault
	}
	return n
}

// until is the query parameter of that name: seconds since the epoch; ok is false when it is absent or no number.
func (c *call) until() (seconds float64, ok bool) {
	v := strings.TrimSpace(c.query("until"))
	if v == "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		c.w.log.Warn("a query parameter is no number and was ignored", "parameter", "until")
		return 0, false
	}
	return f, true
}

// verbosity is the query parameter include_events.
func (c *call) verbosity(byDefault dialogue.Verbosity) (dialogue.Verbosity, error) {
	v := c.query("include_events")
	switch strings.ToUpper(v) {
	case "":
		return byDefault, nil
	case "NONE":
		return dialogue.EventsNone, nil
	case "APPLIED":
		return dialogue.EventsApplied, nil
	case "AFTER_RESTART":
		return dialogue.EventsAfterRestart, nil
	case "ALL":
		return dialogue.EventsAll, nil
	}
	return 0, c.badEvents()
}
