package worker_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/channel"
	"parley/worker"
)

// step is one exchange that was recorded from the reference.
type step struct {
	Name         string             `json:"name"`
	Method       string             `json:"method"`
	Path         string             `json:"path"`
	Headers      map[string]string  `json:"headers"`
	JSON         json.RawMessage    `json:"json"`
	Body         *string            `json:"body"`
	Mode         string             `json:"mode"`
	Also         []int              `json:"also"`
	CheckHeaders map[string]*string `json:"check_headers"`
	Golden       struct {
		Status  int                `json:"status"`
		Type    string             `json:"type"`
		JSON    any                `json:"json"`
		Headers map[string]*string `json:"headers"`
	} `json:"golden"`
}

// What was recorded of everything around the bot — routes, authentication, CORS, limits, errors — holds for any bot. The
// cases of conversations run against the whole server elsewhere.
func TestAnswersAsRecordedAroundTheBot(t *testing.T) {
	t.Parallel()
	const cases = "../../shared/conformance/cases"
	if _, err := os.Stat(cases); err != nil {
		t.Skip("the recorded cases are not beside this repository")
	}
	for _, name := range []string{
		"http-cors-any", "http-cors-none", "http-cors-one", "http-cors-two", "http-jwt", "http-jwt-es256", "http-token",
		"http-token-jwt", "http-token-no-model", "http-no-api", "http-no-api-token", "http-limits", "http-basic", "http-connector",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join(cases, name+".json"))
			if err != nil {
				t.Skip(err)
			}
			var c struct {
				Bot   *string  `json:"bot"`
				Args  []string `json:"args"`
				Steps []step   `json:"steps"`
			}
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			s := serve(t, func(cfg *worker.Config) {
				callback, err := channel.Open("callback", map[string]any{"url": "http://127.0.0.1:9/bot"}, nil)
				if err != nil {
					t.Fatal(err)
				}
				cfg.Channels = append(cfg.Channels, callback)
				applyArgs(t, cfg, c.Args)
			})
			if c.Bot == nil {
				if err := s.bot.Swap(nil); err != nil {
					t.Fatal(err)
				}
			}
			for i, st := range c.Steps {
				t.Run(fmt.Sprintf("%d %s", i+1, st.Name), func(t *testing.T) { st.check(t, s) })
			}
		})
	}
}

// applyArgs reads the flags of a case into a configuration.
func applyArgs(t *testing.T, cfg *worker.Config, args []string) {
	t.Helper()
	cfg.API = false
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--enable-api":
			cfg.API = true
		case "--auth-token":
			i++
			cfg.AuthToken = secret(args[i])
		case "--jwt-secret", "--jwt-method":
			if cfg.JWT == nil {
				cfg.JWT = &worker.JWT{}
			}
			if args[i] == "--jwt-secret" {
				cfg.JWT.Secret = args[i+1]
			} else {
				cfg.JWT.Method = args[i+1]
			}
			i++
		case "--cors":
			for i+1 < len(args) && !strings.HasPrefix(args[i+1], "--") {
				i++
				cfg.CORS = append(cfg.CORS, args[i])
			}
		case "--connector":
			i++
			cfg.Channels = cfg.Channels[:1]
		default:
			t.Fatalf("unknown flag %s", args[i])
		}
	}
}

var fill = regexp.MustCompile(`\{fill:(\d+)\}`)

func substitute(s string) string {
	s = strings.ReplaceAll(s, "{uid}", "c123")
	return fill.ReplaceAllStringFunc(s, func(m string) string {
		var n int
		_, _ = fmt.Sscanf(m, "{fill:%d}", &n)
		return strings.Repeat("x", n)
	})
}

func (st step) check(t *testing.T, s *server) {
	t.Helper()
	method := st.Method
	if method == "" {
		method = "GET"
	}
	request := method + " " + substitute(st.Path)
	headers := map[string]string{}
	body := ""
	switch {
	case st.JSON != nil:
		body, headers["Content-Type"] = substitute(string(st.JSON)), "application/json"
	case st.Body != nil:
		body = substitute(*st.Body)
	}
	maps.Copy(headers, st.Headers)
	for k, v := range headers {
		request += "\n" + k + ": " + substitute(v)
	}
	got := s.do(request + "\n\n" + body)
	if got.status != st.Golden.Status {
		if slices.Contains(st.Also, got.status) {
			return
		}
		t.Fatalf("status %d, want %d: %s", got.status, st.Golden.Status, got.body)
	}
	for k, pattern := range st.CheckHeaders {
		want := st.Golden.Headers[k]
		_, sent := got.header[k]
		switch {
		case want == nil && sent, want != nil && pattern == nil && got.header.Get(k) != *want:
			t.Errorf("header %s is %q, want %v", k, got.header.Get(k), want)
		}
	}
	if st.Mode == "status" {
		return
	}
	if media, _, _ := strings.Cut(got.header.Get("Content-Type"), ";"); media != st.Golden.Type {
		t.Errorf("content type %q, want %q", media, st.Golden.Type)
	}
	if st.Golden.Status < 400 || st.Mode == "keys" {
		return // what a bot says
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(got.body), &v); err != nil {
		t.Fatalf("the body is no JSON: %v: %s", err, got.body)
	}
	want, _ := st.Golden.JSON.(map[string]any)
	for _, free := range []string{"version", "message", "description", "help"} { // their texts may differ, their presence may not
		for _, m := range []map[string]any{v, want} {
			if _, ok := m[free]; ok {
				m[free] = "any"
			}
		}
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("the error differs (-want +got):\n%s", diff)
	}
}
