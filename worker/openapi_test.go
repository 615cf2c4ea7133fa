package worker

import (
	"encoding/json"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/channel"
	"parley/logging"
)

// describedBy is the document of a worker with a configuration.
func describedBy(t *testing.T, change func(*Config)) (w *Worker, doc map[string]any) {
	t.Helper()
	token := logging.NewSecret("sesame")
	cfg := Config{
		Bot: struct{ Bot }{}, Listener: struct{ net.Listener }{}, API: true, AuthToken: &token, JWT: &JWT{Secret: strings.Repeat("x", 32)},
		Channels: []channel.Channel{channel.NewRest("rest")}, Store: struct{ Conversations }{}, RateLimit: 1,
	}
	change(&cfg)
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if w.description == nil {
		return w, nil
	}
	if err := json.Unmarshal(w.description, &doc); err != nil {
		t.Fatal(err)
	}
	return w, doc
}

// at is a value inside a document.
func at(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, compat := range []Compat{Compat3, CompatCore14, CompatCore8, CompatNLU} {
		w, doc := describedBy(t, func(c *Config) { c.Compat = compat })
		var served, listed []string
		for _, r := range w.routes.all() {
			for _, e := range r.endpoints {
				if e.in(compat.profile()) {
					served = append(served, e.method+" "+openapiPath(r.template))
					said[e.method+" "+r.template] = true
				}
			}
		}
		paths, _ := doc["paths"].(map[string]any)
		for path, item := range paths {
			for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
				if at(item, strings.ToLower(method)) != nil {
					listed = append(listed, method+" "+path)
				}
			}
		}
		slices.Sort(served)
		slices.Sort(listed)
		if diff := cmp.Diff(served, listed); diff != "" {
			t.Errorf("%s: the routes differ (-served +described):\n%s", compat, diff)
		}
	}
	for name := range operations {
		if !said[name] {
			t.Errorf("%s is described and not served", name)
		}
	}
	for name := range said {
		if _, template, _ := strings.Cut(name, " "); operations[name].summary == "" && template != "/webhooks/rest" {
			t.Errorf("%s is served and nothing is said of it in operations", name)
		}
	}
}

func TestTheDescriptionHoldsTogether(t *testing.T) {
	t.Parallel()
	w, doc := describedBy(t, func(*Config) {})
	if doc["openapi"] != "3.1.0" || at(doc, "info", "version") != Compatible {
		t.Errorf("openapi %v, version %v", doc["openapi"], at(doc, "info", "version"))
	}
	ids := map[any]bool{}
	paths, _ := doc["paths"].(map[string]any)
	for path, item := range paths {
		for _, method := range []string{"get", "post", "put", "delete"} {
			op := at(item, method)
			if op == nil {
				continue
			}
			if id := at(op, "operationId"); ids[id] {
				t.Errorf("%s %s: the id %v is not its own", method, path, id)
			} else {
				ids[id] = true
			}
			if answers, _ := at(op, "responses").(map[string]any); len(answers) == 0 {
				t.Errorf("%s %s: no responses", method, path)
			}
			parameters, _ := at(op, "parameters").([]any)
			for _, p := range parameters {
				if at(p, "schema") == nil {
					t.Errorf("%s %s: the parameter %v has no schema", method, path, at(p, "name"))
				}
			}
		}
	}
	for _, ref := range regexp.MustCompile(`"\$ref":"#/components/schemas/(\w+)"`).FindAllSubmatch(w.description, -1) {
		if at(doc, "components", "schemas", string(ref[1])) == nil {
			t.Errorf("there is no schema %s", ref[1])
		}
	}
	schemas, _ := at(doc, "components", "schemas").(map[string]any)
	for name := range schemas {
		if !strings.Contains(string(w.description), "schemas/"+name+`"`) {
			t.Errorf("nothing refers to the schema %s", name)
		}
	}
	status := at(doc, "paths", "/status", "get")
	for _, want := range []string{"200", "400", "401", "403", "409", "429"} {
		if at(status, "responses", want) == nil {
			t.Errorf("GET /status does not list %s", want)
		}
	}
	if at(status, "security") == nil || at(doc, "paths", "/version", "get", "security") != nil {
		t.Error("GET /status is to ask for a token or a JWT, GET /version for nothing")
	}
	if _, open := describedBy(t, func(c *Config) { c.AuthToken, c.JWT = nil, nil }); at(open, "paths", "/status", "get", "responses", "401") != nil {
		t.Error("401 is described where nothing is protected")
	}
}

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	if found := regexp.MustCompile(`(?i)(src|href|@import|url)\s*[=(]\s*["']?(https?:)?//`).Find(openapiPage); found != nil {
		t.Errorf("the page loads %s", found)
	}
	if strings.Contains(string(openapiPage), "innerHTML") {
		t.Error("the page reads text as HTML")
	}
	w, _ := describedBy(t, func(c *Config) { c.API = false })
	if w.description != nil || w.routes.static["/docs"] != nil || w.routes.static["/openapi.json"] != nil {
		t.Error("the API is off and described")
	}
}
