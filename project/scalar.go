package project

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// bigInt marks an int node whose value does not fit into 64 bits; its bits are those of the nearest float64.
const bigInt = "\x00big"

// resolvePlain gives an unquoted scalar its type by the rules of YAML 1.2 as the reference's reader applies them (spec
// project-files §1.3): 012 is twelve, 1_000 a thousand, yes a string.
func resolvePlain(n *node, s string) {
	n.kind, n.str = kindString, s
	if s == "" {
		n.kind = kindNull
		return
	}
	switch c := s[0]; {
	case c == '~' || c == 'n' || c == 'N':
		if s == "~" || s == "null" || s == "Null" || s == "NULL" {
			n.kind = kindNull
		}
	case c == 't' || c == 'T':
		if s == "true" || s == "True" || s == "TRUE" {
			n.kind, n.num = kindBool, 1
		}
	case c == 'f' || c == 'F':
		if s == "false" || s == "False" || s == "FALSE" {
			n.kind = kindBool
		}
	case c == '-' || c == '+' || c == '.' || c >= '0' && c <= '9':
		resolveNumber(n, s)
	}
}

// resolveNumber types floats, ints and dates, in the reference's order.
func resolveNumber(n *node, s string) {
	if f, ok := parseFloat(s); ok {
		n.kind, n.num = kindFloat, math.Float64bits(f)
		return
	}
	if s[0] == '.' {
		return
	}
	if digits, base, ok := intDigits(s); ok {
		v, err := strconv.ParseInt(digits, base, 64)
		n.kind = kindInt
		if err != nil {
			f, ferr := strconv.ParseFloat(digits, 64)
			if ferr != nil && base == 10 {
				f = math.Inf(1)
			}
			n.str, n.num = bigInt, math.Float64bits(f)
			return
		}
		n.num = uint64(v) //nolint:gosec // bits
		return
	}
	if t, ok := parseDate(s); ok {
		n.kind, n.str = kindDate, t
	}
}

// parseFloat reads a float: digits with a point or an exponent; ".5e3" without a sign in the exponent is none.
func parseFloat(s string) (float64, bool) {
	body := strings.TrimLeft(s, "+-")
	if len(s)-len(body) > 1 {
		return 0, false
	}
	sign := 1.0
	if s[0] == '-' {
		sign = -1
	}
	switch body {
	case ".inf", ".Inf", ".INF":
		return math.Inf(int(sign)), true
	case ".nan", ".NaN", ".NAN":
		return math.NaN(), body == s
	}
	i, digits := 0, 0
	if i < len(body) && body[i] >= '0' && body[i] <= '9' {
		for i < len(body) && isDigitOrUnderscore(body[i]) {
			i++
			digits++
		}
	}
	point := i < len(body) && body[i] == '.'
	if point {
		start := i + 1
		for i++; i < len(body) && isDigitOrUnderscore(body[i]); i++ {
			if body[i] != '_' {
				digits++
			}
		}
		if start == 1 && i == start {
			return 0, false
		}
	}
	if digits == 0 {
		return 0, false
	}
	exponent := i < len(body) && (body[i] == 'e' || body[i] == 'E')
	if exponent {
		i++
		signed := i < len(body) && (body[i] == '+' || body[i] == '-')
		if signed {
			i++
		} else if body[0] == '.' {
			return 0, false
		}
		start := i
		for i < len(body) && body[i] >= '0' && body[i] <= '9' {
			i++
		}
		if i == start {
			return 0, false
		}
	}
	if i != len(body) || !point && !exponent {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(body, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return sign * f, true
}

// intDigits takes an int apart into its signed digits and their base.
func intDigits(s string) (digits string, base int, ok bool) {
	body, sign := s, ""
	if s[0] == '-' || s[0] == '+' {
		body = s[1:]
		if s[0] == '-' {
			sign = "-"
		}
	}
	base = 10
	if len(body) > 2 && body[0] == '0' {
		switch body[1] {
		case 'b':
			base, body = 2, body[2:]
		case 'o':
			base, body = 8, body[2:]
		case 'x':
			base, body = 16, body[2:]
		}
	}
	found := false
	for i := range len(body) {
		c := body[i]
		switch {
		case c == '_':
		case c >= '0' && c <= '9' && int(c-'0') < base:
			found = true
		case base == 16 && (c|0x20) >= 'a' && (c|0x20) <= 'f':
			found = true
		default:
			return "", 0, false
		}
	}
	return sign + strings.ReplaceAll(body, "_", ""), base, found
}

func isDigitOrUnderscore(c byte) bool { return c >= '0' && c <= '9' || c == '_' }

var dateTime = regexp.MustCompile(`^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?[ \t]*(Z|[-+]\d\d?(?::\d\d)?)?$`)

// parseDate reads a date or a time; a time becomes the UTC time.
func parseDate(s string) (string, bool) {
	if len(s) < len("2000-1-1") || s[4] != '-' {
		return "", false
	}
	if len(s) == len(time.DateOnly) {
		if _, err := time.Parse(time.DateOnly, s); err == nil {
			return s, true
		}
	}
	m := dateTime.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	var f [6]int
	for i := range f {
		f[i], _ = strconv.Atoi(m[i+1])
	}
	nanos, _ := strconv.Atoi((m[7] + "000000")[:6])
	t := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], nanos*1000, time.UTC)
	if t.Month() != time.Month(f[1]) || t.Day() != f[2] || f[3] > 23 || f[4] > 59 || f[5] > 59 {
		return "", false
	}
	if zone := m[8]; zone != "" && zone != "Z" {
		hours, minutes, _ := strings.Cut(zone[1:], ":")
		h, _ := strconv.Atoi(hours)
		mins, _ := strconv.Atoi(minutes)
		d := time.Duration(h)*time.Hour + time.Duration(mins)*time.Minute
		if zone[0] == '+' {
			d = -d
		}
		t = t.Add(d)
	}
	return t.Format("2006-01-02T15:04:05"), true
}
