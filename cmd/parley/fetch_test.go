package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestModelFetch(t *testing.T) {
	t.Parallel()
	archive := []byte("the bytes of a model")
	sum := sha256.Sum256(archive)
	right := hex.EncodeToString(sum[:])
	mux := http.NewServeMux()
	give := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer x" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write(archive)
	}
	mux.HandleFunc("GET /m/bot.tar.gz", give)
	mux.HandleFunc("GET /m/latest", give)
	mux.HandleFunc("GET /elsewhere", func(w http.ResponseWriter, r *http.Request) {
		u := url.URL{Scheme: "http", Host: strings.Replace(r.Host, "127.0.0.1", "localhost", 1), Path: "/m/latest"}
		http.Redirect(w, r, u.String(), http.StatusFound)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	for _, tt := range []struct {
		name, path, sum, header string
		args                    []string
		code                    int
		says                    string
		files                   []string
	}{
		{name: "an archive", path: "/m/bot.tar.gz", sum: right, code: exitOK, says: "was fetched", files: []string{"bot.tar.gz"}},
		{name: "without a name", path: "/m/latest", sum: strings.ToUpper(right), code: exitOK, files: []string{strings.ToUpper(right)[:16] + ".tar.gz"}},
		{name: "another archive", path: "/m/bot.tar.gz", sum: strings.Repeat("0", 64), code: exitFailure, says: "its SHA-256 is " + right},
		{name: "not there", path: "/m/nothing.tar.gz", sum: right, code: exitFailure, says: "404"},
		{name: "not allowed", path: "/m/bot.tar.gz", sum: right, header: "X-Other: 1", code: exitFailure, says: "401"},
		{name: "no header at all", path: "/m/bot.tar.gz", sum: right, header: "Bearer", code: exitFailure, says: "MODEL_HEADER"},
		{name: "the header is not for others", path: "/elsewhere", sum: right, code: exitFailure, says: "401"},
		{name: "no checksum", path: "/m/bot.tar.gz", code: exitUsage, says: "--sha256"},
		{name: "no URL of the web", path: "x", sum: right, args: []string{"--url", "file:///etc/passwd"}, code: exitUsage, says: "--url"},
		{name: "no time", path: "/m/bot.tar.gz", sum: right, args: []string{"--timeout", "0s"}, code: exitUsage, says: "--timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "models")
			env := func(name string) string {
				if name != "MODEL_HEADER" {
					return ""
				}
				if tt.header != "" {
					return tt.header
				}
				return "Authorization: Bearer x"
			}
			var out, errs bytes.Buffer
			args := append([]string{"model", "fetch", "--url", server.URL + tt.path, "--sha256", tt.sum, "--out", dir}, tt.args...)
			code := run(t.Context(), args, env, strings.NewReader(""), &out, &errs)
			if said := out.String() + errs.String(); code != tt.code || !strings.Contains(said, tt.says) {
				t.Errorf("exit code %d, want %d; it said %q, want %q", code, tt.code, said, tt.says)
			}
			if diff := cmp.Diff(tt.files, names(dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

// names are the files in a folder, also those that should not be left.
func names(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestModelFetchTriesAgainAndKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	archive := []byte("the bytes of a model")
	sum := sha256.Sum256(archive)
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(archive)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL + "/bot.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(func(string) string { return "" }, nil, &bytes.Buffer{}, &bytes.Buffer{})
	f := fetchFlags{url: u.String(), sha256: hex.EncodeToString(sum[:]), out: t.TempDir(), maxMiB: 1, pause: time.Microsecond}
	for range 2 { // the second one finds it
		if err := a.fetch(t.Context(), f, u); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("the server was asked %d times, want 3", n)
	}
	if got, err := os.ReadFile(filepath.Join(f.out, "bot.tar.gz")); err != nil || !bytes.Equal(got, archive) {
		t.Errorf("the file has %q, %v", got, err)
	}
	f.maxMiB = 0 // nothing may be that small
	f.sha256 = strings.Repeat("1", 64)
	if err := a.fetch(t.Context(), f, u); err == nil || !strings.Contains(err.Error(), "MiB") {
		t.Errorf("too large an archive gave %v", err)
	}
}
