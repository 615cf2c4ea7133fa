package lockstore

import "context"

type clientKey struct{}

// WithClient returns the context of a request whose client may go away: while the request stands in line, gone is asked a few times a
// second, by the goroutine that waits, and once more when it is its turn. If it says yes, the request leaves with ErrGone: nobody
// waits for its answer. A key that is free, or held already, is not asked for.
func WithClient(ctx context.Context, gone func() bool) context.Context {
	return context.WithValue(ctx, clientKey{}, gone)
}

// clientOf reports whether the client of [WithClient] has gone; without one nobody ever does.
func clientOf(ctx context.Context) (gone func() bool) {
	if gone, ok := ctx.Value(clientKey{}).(func() bool); ok {
		return gone
	}
	return func() bool { return false }
}
