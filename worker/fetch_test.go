package worker_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/metrics"
	"parley/model"
	"parley/worker"
)

// loadText takes the text of a file for a model's id.
func loadText(path string) (*model.Model, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if string(b) == "junk" {
		return nil, model.ErrNotModel
	}
	return &model.Model{ID: string(b), File: path, Domain: newFake().domain}, nil
}

func TestAModelIsFetchedFromAModelServer(t *testing.T) { // case 207
	t.Parallel()
	var asked http.Request
	models := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked = *r
		switch r.URL.Path {
		case "/missing":
			http.NotFound(rw, r)
		case "/untagged":
			_, _ = rw.Write([]byte("m9"))
		case "/away":
			http.Redirect(rw, r, "/new", http.StatusFound)
		default:
			rw.Header().Set("ETag", "one")
			rw.Header().Set("filename", "../new.tar.gz")
			_, _ = rw.Write([]byte(strings.TrimPrefix(r.URL.Path, "/")))
		}
	}))
	defer models.Close()
	s := serve(t, func(c *worker.Config) { c.PrivateURLs, c.LoadModel = true, loadText })
	put := func(endpoint string) answer {
		return s.do("PUT /model\n\n" + `{"model_server":` + strings.ReplaceAll(endpoint, "URL", models.URL) + "}")
	}
	for _, tt := range []struct {
		endpoint string
		status   int
		holds    string
	}{
		{`{"url":"URL/new","params":{"a":1},"headers":{"X-Tea":"green"},"basic_auth":{"username":"u","password":"p"},"token":"t0","wait_time_between_pulls":null}`, 204, ""},
		{`{"url":"URL/away"}`, 204, ""},
		{`{"url":"URL/missing"}`, 400, "The model server answered with status 404"},
		{`{"url":"URL/untagged"}`, 400, "no ETag"},
		{`{"url":"URL/junk"}`, 400, `"parameter":"model","in":"query"`},
		{`{}`, 400, "The model server has no url"},
		{`{"url":5}`, 400, "The model server has no url"},
		{`{"url":"file:///etc/passwd"}`, 400, "has to begin with http"},
		{`{"url":"http://127.0.0.1:9/?token=hidden"}`, 400, "cannot be reached"},
		{`{"url":"URL/new","wait_time_between_pulls":"often"}`, 400, "number of seconds"},
		{`{"url":"URL/new","wait_time_between_pulls":-1}`, 400, "number of seconds"},
		{`[]`, 400, `"parameter":"model_server","in":"body"`},
	} {
		got := put(tt.endpoint)
		if got.status != tt.status || !strings.Contains(got.body, tt.holds) || strings.Contains(got.body, "hidden") {
			t.Errorf("%s: %d %s, want %d and %s", tt.endpoint, got.status, got.body, tt.status, tt.holds)
		}
		if strings.Contains(tt.endpoint, "X-Tea") {
			if user, password, _ := asked.BasicAuth(); asked.URL.RawQuery != "a=1&token=t0" || asked.Header.Get("X-Tea") != "green" || user != "u" || password != "p" {
				t.Errorf("asked for %s with %v", asked.URL, asked.Header)
			}
			if got := s.do("GET /status"); !strings.Contains(got.body, `"model_file":"new.tar.gz","model_id":"new"`) {
				t.Errorf("status %s", got.body)
			}
		}
	}
	if got := s.do("GET /status"); !strings.Contains(got.body, `"model_id":"new"`) {
		t.Errorf("a model that cannot be loaded took the place of the old one: %s", got.body)
	}
}

func TestNewerModelsArePulledUntilAnotherIsLoaded(t *testing.T) {
	t.Parallel()
	var asked []string // with these tags, read when the server has ended
	models := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("If-None-Match")) // one at a time: the next pull begins after the last
		id := "v1"
		if len(asked) > 2 {
			id = "v2"
		}
		if id == r.Header.Get("If-None-Match") {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		rw.Header().Set("ETag", id)
		_, _ = rw.Write([]byte(id))
	}))
	used := make(chan string, 9)
	file := filepath.Join(t.TempDir(), "file.tar.gz")
	if err := os.WriteFile(file, []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *worker.Config) { c.PrivateURLs, c.LoadModel, c.Bot = true, loadText, &swaps{c.Bot, used} })
	put := func(body string) {
		if got := s.do("PUT /model\n\n" + body); got.status != 204 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	put(fmt.Sprintf(`{"model_server":{"url":%q,"wait_time_between_pulls":0.1}}`, models.URL))
	ids := []string{<-used, <-used}
	put(fmt.Sprintf(`{"model_file":%q}`, file))
	if diff := cmp.Diff([]string{"v1", "v2", "file"}, append(ids, <-used)); diff != "" {
		t.Errorf("the models differ (-want +got):\n%s", diff)
	}
	s.finish()
	models.Close()
	if diff := cmp.Diff([]string{"", "v1", "v1"}, asked[:3]); diff != "" {
		t.Errorf("the tags differ (-want +got):\n%s", diff)
	}
}

// swaps tells which models are put into service.
type swaps struct {
	worker.Bot
	ids chan<- string
}

func (s *swaps) Swap(m *model.Model) error {
	if m != nil {
		s.ids <- m.ID
	}
	return s.Bot.Swap(m)
}

func TestPrivateAddressesAreNotCalled(t *testing.T) {
	t.Parallel()
	called := make(chan string, 9)
	private := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { called <- r.URL.Path }))
	defer private.Close()
	trained := make(chan struct{}, 1)
	registry := metrics.NewRegistry("0")
	measure, err := metrics.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *worker.Config) {
		c.Metrics = measure
		c.Train = func(context.Context, worker.TrainRequest) (string, error) {
			trained <- struct{}{}
			return "", worker.ErrUnusable
		}
	})
	_, port, _ := strings.Cut(strings.TrimPrefix(private.URL, "http://"), ":")
	for _, host := range []string{"127.0.0.1:" + port, "localhost:" + port, "[::ffff:127.0.0.1]:" + port, "[::1]:" + port, "10.0.0.1", "169.254.169.254", "0.0.0.0:" + port, "127.1:" + port} {
		got := s.do("PUT /model\n\n" + fmt.Sprintf(`{"model_server":{"url":"http://%s/model"}}`, host))
		if got.status != 400 || !strings.Contains(got.body, "could not be loaded") {
			t.Errorf("%s: %d %s", host, got.status, got.body)
		}
	}
	if got := s.do("POST /model/train?callback_url=" + private.URL + "/done\n\nnlu: []"); got.status != 204 {
		t.Errorf("%d %s", got.status, got.body)
	}
	<-trained
	for _, bad := range []string{"nonsense", "file:///etc/passwd", "http://"} {
		if got := s.do("POST /model/train?callback_url=" + bad + "\n\nnlu: []"); got.status != 400 || !strings.Contains(got.body, `"parameter":"callback_url","in":"query"`) {
			t.Errorf("%s: %d %s", bad, got.status, got.body)
		}
	}
	s.finish() // what was begun ends
	select {
	case path := <-called:
		t.Errorf("%s was called", path)
	default:
	}
	rec := httptest.NewRecorder()
	metrics.Handler(registry).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if want := `parley_callbacks_total{result="blocked"} 1`; !strings.Contains(rec.Body.String(), want) {
		t.Errorf("no %s in the metrics", want)
	}
}
