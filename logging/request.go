package logging

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
)

// RequestHeader is the header in which a client, or a proxy before the server, gives a request its id.
const RequestHeader = "X-Request-Id"

// Request is a request with its id: what the client called it, or a random one that is made when it is first asked for.
type Request struct {
	once sync.Once
	id   string
}

// NewRequest takes the id that a client gave. It must be one that nobody can say anything with: 8 to 64 hexadecimal digits and hyphens, as
// proxies make them and UUIDs are. Any other, and none, is replaced.
func NewRequest(id []byte) *Request {
	r := &Request{}
	if len(id) < 8 || len(id) > 64 {
		return r
	}
	for _, c := range id {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') && c != '-' {
			return r
		}
	}
	r.id = string(id)
	return r
}

// ID is the id of the request; "" of a nil one.
func (r *Request) ID() string {
	if r == nil {
		return ""
	}
	r.once.Do(func() {
		if r.id == "" {
			var b [16]byte
			_, _ = rand.Read(b[:]) // never fails
			r.id = hex.EncodeToString(b[:])
		}
	})
	return r.id
}

type requestKey struct{}

// WithRequest is a context in which a request is answered.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf is the request that is answered in a context, nil if there is none.
func RequestOf(ctx context.Context) *Request {
	r, _ := ctx.Value(requestKey{}).(*Request)
	return r
}
