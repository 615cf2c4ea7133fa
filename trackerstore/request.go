package trackerstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Bounds of what is remembered of identified requests.
const (
	replyWindow = 24 * time.Hour
	replyTurns  = 64
	replyLimit  = 64 << 10
)

// ErrKeyReused means that a request has the key of an earlier one and is another.
var ErrKeyReused = errors.New("the idempotency key belongs to another request")

// Request identifies what a turn answers, so that its repetition is not run again: a client that got no answer may ask once
// more with the same key.
type Request struct {
	// Key is the client's, with the route in front: equal keys of two routes are two requests. "": not identified.
	Key string
	// Body is what the request says, or a fingerprint of it: a repetition must say the same.
	Body string
}

type requestKey struct{}

// WithRequest says which request the turn that Begin is asked for answers. When that request has been answered before, in the
// last 24 hours and the last 64 turns of the conversation, Begin fails with a [Repeated]; a request whose first attempt
// is still under way waits behind it. When the key belongs to a request with another body, Begin fails with ErrKeyReused.
// What Commit stores as the reply is remembered under the key.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// Repeated is the error of Begin for a request that was answered before. Nothing is held.
type Repeated struct {
	// Reply is what was stored with the turn.
	Reply []byte
	// Omitted is true when the reply was larger than 64 KiB and is not kept: the turn is in the conversation.
	Omitted bool
}

// Error says what happened.
func (*Repeated) Error() string { return "the request was answered before" }

// request is an identified request in the form in which it is remembered: its key hashed, and its body.
type request struct{ key, body string }

// requestOf returns the request of a context, with an empty key if it is not identified.
func requestOf(ctx context.Context) request {
	r, _ := ctx.Value(requestKey{}).(Request)
	if r.Key == "" {
		return request{}
	}
	return request{key: digest(r.Key), body: digest(r.Body)}
}

// digest is 128 bits of a hash.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// record is what is stored under the key, after the time: the fingerprint, a mark, and the reply.
func (r request) record(reply []byte) string {
	if r.key == "" {
		return ""
	}
	if len(reply) > replyLimit {
		return r.body + ":o:"
	}
	return r.body + ":r:" + string(reply)
}

// replay turns a stored record, without the time, into the error of Begin.
func (r request) replay(record string) error {
	part := strings.SplitN(record, ":", 3)
	if len(part) != 3 {
		return fmt.Errorf("%w: the record of a request", errFrame)
	}
	if part[0] != r.body {
		return ErrKeyReused
	}
	return &Repeated{Reply: []byte(part[2]), Omitted: part[1] == "o"}
}
