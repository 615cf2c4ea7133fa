package lockstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// How the subscription is watched: a probe is sent on the worker's own channel when nothing was heard for a while, because
// only a message that comes back shows that messages arrive.
const (
	probeAfter = 10 * time.Second
	probeLimit = time.Second
	probeMark  = "?"
)

// listen keeps a subscription to the worker's channel until ctx ends.
func (r *Redis) listen(ctx context.Context) error {
	pause := 50 * time.Millisecond
	for {
		begun := time.Now()
		err := r.subscribe(ctx)
		r.subscribed.Store(false)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		r.log.Warn("the subscription to wake-ups broke, tickets poll until it is back", "error", err)
		if time.Since(begun) > 10*time.Second {
			pause = 50 * time.Millisecond
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, time.Second)
	}
}

// subscribe listens on one connection until it breaks.
func (r *Redis) subscribe(ctx context.Context) error {
	channel := r.keys.wake(r.worker)
	sub := r.rdb.Subscribe(ctx, channel)
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer stop()
	defer func() { _ = sub.Close() }()
	limit, probes := probeLimit, 0
	for {
		msg, err := sub.ReceiveTimeout(ctx, limit)
		var timeout net.Error
		switch {
		case err == nil:
		case errors.As(err, &timeout) && timeout.Timeout() && limit == probeAfter:
			probes++
			if err := r.rdb.Publish(ctx, channel, probeMark+strconv.Itoa(probes)).Err(); err != nil {
				return fmt.Errorf("probe the subscription: %w", err)
			}
			limit = probeLimit
			continue
		default:
			return err
		}
		limit = probeAfter
		switch m := msg.(type) {
		case *redis.Subscription:
			r.subscribed.Store(true)
			r.waiters.wakeAll() // what was said before this moment was not heard
		case *redis.Message:
			if !r.deaf {
				r.waiters.wake(m.Payload)
			}
		}
	}
}
