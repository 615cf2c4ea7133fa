package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// errPrivateAddress refuses a connection that a client asks for and that could reach what only this machine or its network sees.
var errPrivateAddress = errors.New("private addresses are called only with --allow-private-urls")

// newClient makes the client for addresses that callers of the API name: callback_url and model_server. Unless private addresses
// are allowed it connects to public ones only. That is checked when a name has been resolved and a connection is about to be
// made, so that neither a name, nor a redirect, nor a proxy leads elsewhere.
func newClient(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	if !private {
		dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil || !isPublic(at.Addr()) {
				return fmt.Errorf("%s: %w", address, errPrivateAddress)
			}
			return nil
		}
	}
	return &http.Client{Transport: &http.Transport{
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       10 * time.Second,
		MaxIdleConnsPerHost:   1,
		ForceAttemptHTTP2:     true,
	}}
}

// special are the ranges that net/netip has no word for and that are not public, or lead to IPv4 addresses that may not be:
// https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
var special = func() (list []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
		"2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

// isPublic reports whether an address belongs to the public internet.
func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// webAddress reads an address that a client names.
func webAddress(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("the url cannot be parsed") // not shown: it may hold a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("the url has to begin with http:// or https:// and name a host")
	}
	return u, nil
}

// unaddressed is an error of the client without the address, which may hold a token.
func unaddressed(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
