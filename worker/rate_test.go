package worker

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestLimiterAllowsABurstAndThenItsRate(t *testing.T) {
	t.Parallel()
	l := newLimiter(4)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	start := time.Unix(1e9, 0)
	for i, tt := range []struct {
		client netip.Addr
		at     time.Duration
		want   time.Duration
	}{
		{a, 0, 0},
		{a, 0, 0},
		{a, 0, 0},
		{a, 0, 0},
		{a, 0, 250 * time.Millisecond},
		{b, 0, 0},
		{a, 100 * time.Millisecond, 150 * time.Millisecond},
		{a, 250 * time.Millisecond, 0},
		{a, 250 * time.Millisecond, 250 * time.Millisecond},
		{a, time.Hour, 0},
	} {
		if got := l.take(tt.client, start.Add(tt.at)); got != tt.want {
			t.Errorf("request %d: wait %s, want %s", i, got, tt.want)
		}
	}
	slow := newLimiter(0.5)
	if got := slow.take(a, start); got != 0 {
		t.Errorf("the first of a slow rate waits %s", got)
	}
	if got := slow.take(a, start); got != 2*time.Second {
		t.Errorf("the second of a slow rate waits %s, want 2s", got)
	}
}

func TestLimiterRemembersABoundedNumberOfClients(t *testing.T) {
	t.Parallel()
	l := newLimiter(1)
	now := time.Unix(1e9, 0)
	client := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	refused := 0
	for i := range maxClients + 100 {
		if l.take(client(i), now) > 0 {
			refused++
		}
	}
	if refused != 99 || len(l.whole) != maxClients+1 {
		t.Errorf("%d refused and %d known, want 99 (all others share one allowance) and %d", refused, len(l.whole), maxClients+1)
	}
	if l.take(client(1<<23), now.Add(time.Hour)) != 0 || len(l.whole) != 1 {
		t.Errorf("after an hour %d are known, want 1", len(l.whole))
	}
}

func TestClientsOfOneNetworkAreOne(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::", "2001:db8:0:1:ffff::": "2001:db8:0:1::",
	} {
		if got := clientOf(net.ParseIP(in)); got.String() != want {
			t.Errorf("%s counts for %s, want %s", in, got, want)
		}
	}
}
