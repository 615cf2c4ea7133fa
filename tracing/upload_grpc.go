package tracing

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
)

// What a call of gRPC is on the wire: a POST over HTTP/2 whose body is framed messages, and whose outcome follows the answer as a trailer.
// See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.

// exportMethod is the path of the one call of OTLP that is made.
const exportMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// framed is a message, not compressed, with its length before it.
func framed(message []byte) []byte {
	out := make([]byte, 5, 5+len(message))
	binary.BigEndian.PutUint32(out[1:], uint32(len(message))) //nolint:gosec // a batch of 512 spans
	return append(out, message...)
}

// callError is what the collector says of a call whose body has been read: nil if it went well.
func callError(res *http.Response) error {
	from := res.Trailer
	if res.Header.Get("Grpc-Status") != "" { // there was nothing but the outcome
		from = res.Header
	}
	switch status := from.Get("Grpc-Status"); status {
	case "0":
		return nil
	case "":
		return fmt.Errorf("send spans: the answer (%s) is not one of gRPC", res.Header.Get("Content-Type"))
	default:
		message := from.Get("Grpc-Message")
		if text, err := url.PathUnescape(message); err == nil {
			message = text
		}
		return fmt.Errorf("send spans: the collector answers gRPC status %s: %s", status, message)
	}
}
