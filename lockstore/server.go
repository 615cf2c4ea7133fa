package lockstore

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// RedisServer says where a Redis is and how to talk to it, in the words of endpoints.yml. The zero value is localhost:6379.
type RedisServer struct {
	// URL is a host, host:port, redis://[user:password@]host[:port][/db], rediss://… (TLS), unix://path,
	// redis+sentinel://[user:password@]host[:port][,host…]/master[/db] (rediss+sentinel: TLS, to the sentinels too), or, for a
	// cluster, redis+cluster://[user:password@]host[:port][,host…] or a list of addresses with commas.
	URL string
	// Port is used where URL gives none; 0: 6379, for a sentinel 26379.
	Port int
	// DB is the database, where URL gives none. A cluster has only 0.
	DB int
	// Username and Password are used where URL gives none.
	Username, Password string
	// UseSSL turns TLS on. The server's certificate is verified against SSLCAFile, or the system's authorities without one.
	UseSSL bool
	// SSLKeyFile and SSLCertFile hold the client's certificate, SSLCAFile the authorities, all as PEM.
	SSLKeyFile, SSLCertFile, SSLCAFile string
	// SocketTimeout bounds each read and write; 0: one second.
	SocketTimeout time.Duration
}

// Connect returns a client for the server. It does not connect yet, and fails only when the description is wrong.
func (s RedisServer) Connect() (redis.UniversalClient, error) {
	o, kind, err := s.options()
	if err != nil {
		return nil, fmt.Errorf("redis server: %w", err)
	}
	switch kind {
	case clusterKind:
		return redis.NewClusterClient(o.Cluster()), nil
	case sentinelKind:
		return redis.NewFailoverClient(o.Failover()), nil
	}
	return redis.NewClient(o.Simple()), nil
}

// Same reports whether two descriptions lead to the same server; their databases may differ.
func (s RedisServer) Same(other RedisServer) bool {
	a, kindA, errA := s.options()
	b, kindB, errB := other.options()
	return errA == nil && errB == nil && kindA == kindB && a.MasterName == b.MasterName &&
		strings.Join(a.Addrs, ",") == strings.Join(b.Addrs, ",") &&
		a.Username == b.Username && a.Password == b.Password && (a.TLSConfig == nil) == (b.TLSConfig == nil)
}

// Database is the number of the database.
func (s RedisServer) Database() int {
	o, _, err := s.options()
	if err != nil {
		return 0
	}
	return o.DB
}

// String names the server without its password.
func (s RedisServer) String() string {
	o, _, err := s.options()
	if err != nil {
		return "redis"
	}
	return "redis " + strings.Join(o.Addrs, ",") + "/" + strconv.Itoa(o.DB)
}

type serverKind int

const (
	singleKind serverKind = iota
	sentinelKind
	clusterKind
)

func (s RedisServer) options() (*redis.UniversalOptions, serverKind, error) {
	if s.Port < 0 || s.Port > 65535 {
		return nil, 0, fmt.Errorf("port %d is out of range", s.Port)
	}
	timeout := cmp.Or(s.SocketTimeout, time.Second)
	o := &redis.UniversalOptions{
		DB: s.DB, Username: s.Username, Password: s.Password,
		// A context's deadline must end a read. What is tried again is decided by who asks: he knows what is safe.
		ContextTimeoutEnabled: true,
		MaxRetries:            -1,
		DialerRetries:         1,
		DialTimeout:           2 * time.Second,
		ReadTimeout:           timeout,
		WriteTimeout:          timeout,
		PoolTimeout:           time.Second,
		PoolSize:              64,
		PipelinePoolSize:      32,
		// One handshake command less; only hosted Redis sends these notifications.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	kind, secure, err := s.address(o)
	if err != nil {
		return nil, 0, err
	}
	if kind == clusterKind && o.DB != 0 {
		return nil, 0, fmt.Errorf("db is %d, a cluster has only 0", o.DB)
	}
	if secure || s.UseSSL {
		if o.TLSConfig, err = s.tls(); err != nil {
			return nil, 0, err
		}
	} else if s.SSLKeyFile != "" || s.SSLCertFile != "" || s.SSLCAFile != "" {
		return nil, 0, errors.New("certificate files are given but use_ssl is not set")
	}
	return o, kind, nil
}

// address fills in what the URL says.
func (s RedisServer) address(o *redis.UniversalOptions) (kind serverKind, secure bool, err error) {
	scheme, rest, ok := strings.Cut(s.URL, "://")
	if !ok {
		scheme, rest = "redis", s.URL
		if strings.Contains(rest, ",") {
			scheme = "redis+cluster"
		}
	}
	port := cmp.Or(s.Port, 6379)
	switch scheme {
	case "redis":
	case "rediss":
		secure = true
	case "unix":
		o.Addrs = []string{rest}
		return singleKind, false, nil
	case "redis+sentinel", "rediss+sentinel":
		kind, secure, port = sentinelKind, scheme == "rediss+sentinel", cmp.Or(s.Port, 26379)
	case "redis+cluster", "rediss+cluster":
		kind, secure = clusterKind, scheme == "rediss+cluster"
	default:
		return 0, false, fmt.Errorf("url has the unknown scheme %q", scheme)
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		if err := credentials(o, rest[:at]); err != nil {
			return 0, false, err
		}
		rest = rest[at+1:]
	}
	hosts, path, _ := strings.Cut(rest, "/")
	for h := range strings.SplitSeq(hosts, ",") {
		addr := withPort(cmp.Or(strings.TrimSpace(h), "localhost"), port)
		if _, p, _ := net.SplitHostPort(addr); !isPort(p) {
			return 0, false, fmt.Errorf("url names the port %q, which is no number from 1 to 65535", p)
		}
		o.Addrs = append(o.Addrs, addr)
	}
	if kind == singleKind && len(o.Addrs) > 1 {
		kind = clusterKind
	}
	if kind == sentinelKind {
		o.MasterName, path, _ = strings.Cut(path, "/")
		if o.MasterName == "" {
			return 0, false, errors.New("the sentinel url does not name its master: redis+sentinel://host/master")
		}
	}
	if path != "" {
		if o.DB, err = strconv.Atoi(path); err != nil || o.DB < 0 {
			return 0, false, fmt.Errorf("url ends with %q, which is no database number", path)
		}
	}
	return kind, secure, nil
}

func credentials(o *redis.UniversalOptions, userinfo string) error {
	user, password, both := strings.Cut(userinfo, ":")
	user, errUser := url.PathUnescape(user)
	password, errPassword := url.PathUnescape(password)
	if errUser != nil || errPassword != nil {
		return errors.New("the credentials in the url are not well escaped")
	}
	if user != "" {
		o.Username = user
	}
	if both {
		o.Password = password
	}
	return nil
}

// withPort adds a port to a host that has none.
func withPort(host string, port int) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

func (s RedisServer) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.SSLCAFile != "" {
		pem, err := os.ReadFile(s.SSLCAFile)
		if err != nil {
			return nil, fmt.Errorf("ssl_ca_certs: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ssl_ca_certs: %s holds no certificate", s.SSLCAFile)
		}
	}
	if s.SSLCertFile != "" || s.SSLKeyFile != "" {
		if s.SSLCertFile == "" || s.SSLKeyFile == "" {
			return nil, errors.New("ssl_certfile and ssl_keyfile are only of use together")
		}
		pair, err := tls.LoadX509KeyPair(s.SSLCertFile, s.SSLKeyFile)
		if err != nil {
			return nil, fmt.Errorf("ssl_certfile: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
