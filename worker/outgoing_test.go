package worker

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "::ffff:8.8.8.8": true, "172.15.0.1": true, "172.32.0.1": true,
		"127.0.0.1": false, "127.255.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.0.1": false, "169.254.169.254": false,
		"0.0.0.0": false, "0.1.2.3": false, "100.64.0.1": false, "198.18.0.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"240.0.0.1": false, "::": false, "::1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false,
		"fc00::1": false, "fd00:ec2::254": false, "ff02::1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001::1": false,
		"2001:db8::1": false, "fec0::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(in)); got != want {
			t.Errorf("isPublic(%s) is %v", in, got)
		}
	}
}

func TestWebAddress(t *testing.T) {
	t.Parallel()
	got := map[string]bool{}
	want := map[string]bool{
		"http://a": true, "https://a.example:1/x?y=z": true, "http://[::1]:5/": true, "HTTP://a": true,
		"": false, "a": false, "//a": false, "ftp://a": false, "file:///etc/passwd": false, "http://": false, "http:///x": false, "http://:80": false,
		"http://a b": false, "http://a:port": false, "gopher://a": false, "%": false,
	}
	for in := range want {
		_, err := webAddress(in)
		got[in] = err == nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what counts as an address differs (-want +got):\n%s", diff)
	}
}

func TestArchiveName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "model.tar.gz", "a.tar.gz": "a.tar.gz", "../../etc/passwd": "passwd", "/a/b.tar.gz": "b.tar.gz", "..": "model.tar.gz", ".": "model.tar.gz", "x/": "x",
	} {
		if got := archiveName(in); got != want {
			t.Errorf("archiveName(%q) is %q, want %q", in, got, want)
		}
	}
}
