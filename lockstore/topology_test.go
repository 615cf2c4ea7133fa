package lockstore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"parley/livetest"
)

// writeCertificate makes a certificate that is its own authority and returns the files of it and its key.
func writeCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "EC PRIVATE KEY", keyDER)
}

func TestRedisOverTLSWithAPassword(t *testing.T) {
	t.Parallel()
	cert, key := writeCertificate(t)
	p := livetest.StartRedis(t)
	port := strconv.Itoa(livetest.Port(t))
	admin := connect(t, p.Addr)
	for _, kv := range [][2]string{
		{"tls-cert-file", cert}, {"tls-key-file", key}, {"tls-ca-cert-file", cert}, {"tls-port", port}, {"requirepass", "p@ss:word"},
	} {
		if err := admin.ConfigSet(t.Context(), kv[0], kv[1]).Err(); err != nil {
			t.Skipf("this redis-server does not do TLS: %v", err)
		}
	}
	for name, s := range map[string]RedisServer{
		"url":  {URL: "rediss://:p%40ss%3Aword@127.0.0.1:" + port + "/2", SSLCAFile: cert, SSLCertFile: cert, SSLKeyFile: key},
		"keys": {URL: "127.0.0.1:" + port, Password: "p@ss:word", UseSSL: true, SSLCAFile: cert, SSLCertFile: cert, SSLKeyFile: key},
	} {
		rdb, err := s.Connect()
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRedis(rdb, RedisOptions{Prefix: testPrefix(t)})
		if err != nil {
			t.Fatal(err)
		}
		if l, err := r.Acquire(t.Context(), "k"); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			l.Release()
		}
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	}
	// Without the authority the certificate is not believed.
	rdb := connect(t, "rediss://:p%40ss%3Aword@127.0.0.1:"+port)
	if err := rdb.Ping(t.Context()).Err(); err == nil {
		t.Error("a certificate of an unknown authority is believed")
	}
}

func TestRedisBehindASentinel(t *testing.T) {
	t.Parallel()
	p := livetest.StartRedis(t)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "sentinel monitor mymaster 127.0.0.1 %d 1\n", p.Port), 0o600); err != nil {
		t.Fatal(err)
	}
	s := livetest.StartRedis(t, conf, "--sentinel")
	r := newRedis(t, "redis+sentinel://"+s.Addr+"/mymaster", RedisOptions{})
	dialled(t, r.rdb)
	acquire(t, r, "k").Release()
	direct := newRedis(t, p.Addr, RedisOptions{})
	held := acquire(t, r, "k")
	if n := direct.rdb.Exists(t.Context(), direct.keys.lock("k")).Val(); n != 1 {
		t.Error("the lock does not lie on the master")
	}
	held.Release()
}
