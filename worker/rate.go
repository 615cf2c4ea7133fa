package worker

import (
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// maxClients bounds the memory of a limiter: of more clients than these at once, the rest share one allowance.
const maxClients = 1 << 14

// limiter allows each client a number of requests a second, and that many at once. It is the generic cell rate algorithm
// (ITU-T I.371): of each client it keeps the time at which its allowance is whole again.
type limiter struct {
	interval time.Duration // what one request costs
	burst    time.Duration // how much may be owed

	mu    sync.Mutex
	whole map[netip.Addr]time.Time
	swept time.Time
}

// newLimiter allows perSecond requests a second; nil for 0, which is no limit.
func newLimiter(perSecond float64) *limiter {
	if perSecond == 0 {
		return nil
	}
	interval := time.Duration(float64(time.Second) / perSecond)
	return &limiter{interval: interval, burst: max(interval, time.Second), whole: map[netip.Addr]time.Time{}}
}

// take counts a request of a client. It returns how long the client has to wait before it may send one; 0: this one is allowed.
func (l *limiter) take(client netip.Addr, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.whole[client]; !known && len(l.whole) >= maxClients {
		l.sweep(now)
		if len(l.whole) >= maxClients {
			client = netip.Addr{} // the one place of all others
		}
	}
	owed := max(0, l.whole[client].Sub(now)) + l.interval
	if owed > l.burst {
		return owed - l.burst
	}
	l.whole[client] = now.Add(owed)
	return 0
}

// sweep forgets the clients whose allowance is whole, at most once a second.
func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for client, whole := range l.whole {
		if !whole.After(now) {
			delete(l.whole, client)
		}
	}
}

// clientOf is whom a request counts for: an IPv4 address, or the network of an IPv6 address, for those come in plenty.
func clientOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	if a = a.Unmap(); a.Is6() {
		network, _ := a.WithZone("").Prefix(64)
		return network.Addr()
	}
	return a
}

// limited refuses a request of a client that asks too often.
func (w *Worker) limited(ctx *fasthttp.RequestCtx) error {
	if w.rate == nil {
		return nil
	}
	wait := w.rate.take(clientOf(ctx.RemoteIP()), time.Now())
	if wait == 0 {
		return nil
	}
	w.cfg.Metrics.RequestRejected("rate")
	return &apiError{
		Status: http.StatusTooManyRequests, Reason: "RateLimited", Message: "Too many requests. Please slow down.",
		RetryAfter: strconv.Itoa(int(math.Ceil(wait.Seconds()))),
	}
}
