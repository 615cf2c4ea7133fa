package worker

import (
	"bytes"
	"net/http"

	"github.com/valyala/fasthttp"
)

// bodyLimit says how large the body of a request may be, before it is read.
func (w *Worker) bodyLimit(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	limit := w.cfg.BodyLimit
	if uri := h.RequestURI(); bytes.HasPrefix(uri, []byte("/model")) {
		limit = w.cfg.ModelBodyLimit
	}
	return fasthttp.RequestConfig{MaxRequestBodySize: limit}
}

// checkHeader refuses what may be understood differently by a proxy and by us, and what is too large.
func (w *Worker) checkHeader(h *fasthttp.RequestHeader) *frameworkError {
	raw := h.RawHeaders()
	if len(raw)+len(h.RequestURI())+len(h.Method())+len(" HTTP/1.1\r\n") > w.cfg.HeaderLimit {
		w.cfg.Metrics.RequestRejected("header")
		return &frameworkError{Status: http.StatusRequestEntityTooLarge, Message: "Request header exceeds the size limit"}
	}
	var hosts, lengths int
	var transfer, expect bool
	for len(raw) > 0 {
		line := raw
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			line, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		// Four names matter; their first letters sort out the rest cheaply.
		if len(line) < 5 {
			continue
		}
		switch line[0] | 0x20 {
		case 'h':
			if named(line, "host") {
				hosts++
			}
		case 'c':
			if named(line, "content-length") {
				lengths++
			}
		case 't':
			if named(line, "transfer-encoding") {
				if transfer || !worth(line, "chunked") {
					return w.badFraming()
				}
				transfer = true
			}
		case 'e':
			if named(line, "expect") && !worth(line, "100-continue") {
				expect = true
			}
		}
	}
	switch {
	case hosts > 1, hosts == 0 && h.IsHTTP11(), lengths > 1, lengths > 0 && transfer:
		return w.badFraming()
	case expect && (transfer || h.ContentLength() > 0):
		return &frameworkError{Status: http.StatusExpectationFailed, Message: "Unknown Expect"}
	}
	return nil
}

// named reports whether a header line has a name, given in lower case.
func named(line []byte, name string) bool {
	key, _, ok := bytes.Cut(line, []byte(":"))
	return ok && bytes.EqualFold(bytes.TrimSpace(key), []byte(name))
}

// worth reports whether a header line has a value, given in lower case.
func worth(line []byte, value string) bool {
	_, v, _ := bytes.Cut(line, []byte(":"))
	return bytes.EqualFold(bytes.TrimSpace(v), []byte(value))
}

func (w *Worker) badFraming() *frameworkError {
	w.cfg.Metrics.RequestRejected("framing")
	return &frameworkError{Status: http.StatusBadRequest, Message: "Bad Request"}
}
