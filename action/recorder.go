package action

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
)

// CallRecorder notes whether a remote call was begun: a turn that made none leaves no trace outside and may be run again. It also
// names the calls of a turn to those who are called.
type CallRecorder struct {
	turn  string
	fence string
	calls atomic.Int64
	begun atomic.Bool
}

type recorderKey struct{}

// WithCallRecorder returns a context whose remote calls are noted in the recorder. They carry the turn's id (X-Turn-Id), a number
// that grows with each turn of the conversation (X-Conversation-Fence), and an id of their own, the turn's and their
// place in it (Idempotency-Key): what a repeated request calls again has the same ids, so that a server can tell.
func WithCallRecorder(ctx context.Context, turn string, fence uint64) (context.Context, *CallRecorder) {
	r := &CallRecorder{turn: turn, fence: strconv.FormatUint(fence, 10)}
	return context.WithValue(ctx, recorderKey{}, r), r
}

// Begun reports whether a remote call was begun. A nil recorder saw none.
func (r *CallRecorder) Begun() bool { return r != nil && r.begun.Load() }

// noteCall is called just before the first byte of a remote call may leave.
func noteCall(ctx context.Context) {
	if r, ok := ctx.Value(recorderKey{}).(*CallRecorder); ok {
		r.begun.Store(true)
	}
}

// identifyCall writes who calls into the headers of a remote call.
func identifyCall(ctx context.Context, h http.Header) {
	r, ok := ctx.Value(recorderKey{}).(*CallRecorder)
	if !ok || r.turn == "" {
		return
	}
	h["X-Turn-Id"] = []string{r.turn}
	h["X-Conversation-Fence"] = []string{r.fence}
	// In this spelling Go's client does not know it: it would take the key for the permission to send a call again that the
	// server may have run already.
	h["idempotency-key"] = []string{r.turn + "-" + strconv.FormatInt(r.calls.Add(1), 10)}
}
