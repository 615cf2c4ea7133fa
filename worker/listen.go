package worker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// Listen opens the address that a worker or an admin server is to serve. A port in use is said plainly.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // ignoreSYN cannot be had with it
	ln, err := lc.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: the port is in use; choose another with --port: %w", address, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen on %s: not allowed; ports below 1024 need privileges: %w", address, err)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return ln, nil
}

// TLSFiles makes a server's TLS configuration from the files of --ssl-certificate, --ssl-keyfile and --ssl-ca-file and the
// password of an encrypted key. With a CA file, client certificates are asked for and checked when they are given.
func TLSFiles(certFile, keyFile, caFile, password string) (*tls.Config, error) {
	if keyFile == "" {
		keyFile = certFile // one file may hold both
	}
	certPEM, err := os.ReadFile(certFile) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read the TLS certificate: %w", err)
	}
	keyPEM, err := os.ReadFile(keyFile) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read the TLS key: %w", err)
	}
	if keyPEM, err = decryptKey(keyPEM, password); err != nil {
		return nil, fmt.Errorf("read the TLS key %s: %w", keyFile, err)
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("use the TLS certificate %s: %w", certFile, err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if caFile == "" {
		return cfg, nil
	}
	caPEM, err := os.ReadFile(caFile) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read the TLS CA: %w", err)
	}
	cfg.ClientCAs = x509.NewCertPool()
	if !cfg.ClientCAs.AppendCertsFromPEM(caPEM) {
		return nil, fmt.Errorf("read the TLS CA: %s holds no certificate", caFile)
	}
	cfg.ClientAuth = tls.VerifyClientCertIfGiven
	return cfg, nil
}

// decryptKey opens an encrypted key; others it returns as they are.
func decryptKey(key []byte, password string) ([]byte, error) {
	for rest := key; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return key, nil
		}
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("encrypted PKCS#8 keys are not supported: decrypt it first, e.g. with openssl pkey")
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		case x509.IsEncryptedPEMBlock(block): //nolint:staticcheck // what openssl rsa writes, and what the reference reads
			if password == "" {
				return nil, errors.New("the key is encrypted: give its password with --ssl-password")
			}
			der, err := x509.DecryptPEMBlock(block, []byte(password)) //nolint:staticcheck // as above
			if err != nil {
				return nil, fmt.Errorf("decrypt: %w", err)
			}
			return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: der}), nil
		default:
			return key, nil
		}
	}
}
