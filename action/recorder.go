package action

import (
	"context"
	"sync/atomic"
)

// CallRecorder notes whether a remote call was begun: a turn that made none leaves no trace outside and may be run again.
type CallRecorder struct{ begun atomic.Bool }

type recorderKey struct{}

// WithCallRecorder returns a context whose remote calls are noted in the recorder.
func WithCallRecorder(ctx context.Context) (context.Context, *CallRecorder) {
	r := new(CallRecorder)
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
