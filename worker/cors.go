package worker

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// origins are the origins that --cors allows.
type origins struct {
	any      bool
	none     bool
	literals []string // sorted
	patterns []*regexp.Regexp
}

// newOrigins reads the list of --cors. An entry with one of * \ ] ? is a regular expression, which has to match as a whole.
func newOrigins(list []string) (*origins, error) {
	o := &origins{none: len(list) == 0}
	for _, origin := range list {
		switch {
		case origin == "*":
			o.any = true
		case strings.ContainsAny(origin, `*\]?`):
			re, err := regexp.Compile("(?i)^(?:" + origin + ")$")
			if err != nil {
				return nil, fmt.Errorf("--cors %s: not a valid pattern: %w", origin, err)
			}
			o.patterns = append(o.patterns, re)
		default:
			o.literals = append(o.literals, origin)
		}
	}
	slices.Sort(o.literals)
	return o, nil
}

func (o *origins) allows(origin string) bool {
	return o.any ||
		slices.ContainsFunc(o.literals, func(l string) bool { return strings.EqualFold(l, origin) }) ||
		slices.ContainsFunc(o.patterns, func(re *regexp.Regexp) bool { return re.MatchString(origin) })
}

// apply sets the CORS headers of a response (golden http-cors-*). The reference sends them on all but its API errors; here they
// are on every response.
func (o *origins) apply(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	origin := ctx.Request.Header.Peek("Origin")
	vary := len(o.literals)+len(o.patterns) > 1 || len(o.patterns) > 0
	switch {
	case len(origin) == 0 && o.any:
		h.Set("Access-Control-Allow-Origin", "*")
	case len(origin) == 0 && len(o.literals) > 0:
		h.Set("Access-Control-Allow-Origin", o.literals[len(o.literals)-1])
	case len(origin) == 0 && len(o.patterns) > 0: // patterns name no origin that could be sent
		return
	case len(origin) == 0: // the next two are sent all the same
		vary = false
	case o.none || !o.allows(string(origin)):
		return
	default:
		h.SetBytesV("Access-Control-Allow-Origin", origin) // echoed, also for "*": credentials are allowed
		vary = vary || o.any && string(origin) != "*"
	}
	h.Set("Access-Control-Expose-Headers", "filename")
	h.Set("Access-Control-Allow-Credentials", "true")
	if vary {
		h.Set("Vary", "Origin")
	}
	if !ctx.IsOptions() || len(ctx.Request.Header.Peek("Access-Control-Request-Method")) == 0 || len(origin) == 0 {
		return
	}
	h.Set("Access-Control-Allow-Methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
	if asked := string(ctx.Request.Header.Peek("Access-Control-Request-Headers")); asked != "" {
		names := strings.Split(asked, ",")
		for i := range names {
			names[i] = strings.TrimSpace(names[i])
		}
		slices.Sort(names)
		h.Set("Access-Control-Allow-Headers", strings.Join(names, ", "))
	}
}
