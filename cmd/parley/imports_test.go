package main

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// own says which of our packages a package may import. What is not listed is forbidden.
var own = map[string]string{
	"dialogue":         "",
	"learn":            "",
	"livetest":         "",
	"lockstore":        "",
	"logging":          "",
	"metrics":          "",
	"tracing":          "",
	"embed":            "learn",
	"embed/embedtest":  "",
	"segment":          "",
	"nlu":              "dialogue embed learn segment",
	"policy":           "dialogue learn",
	"action":           "dialogue",
	"trackerstore":     "dialogue lockstore",
	"channel":          "dialogue",
	"project":          "dialogue nlu policy action",
	"model":            "project nlu policy dialogue learn",
	"agent":            "model nlu policy action trackerstore dialogue logging metrics tracing",
	"evaluate":         "agent model project nlu policy dialogue",
	"worker":           "agent channel dialogue evaluate lockstore logging metrics model project tracing trackerstore",
	"examples/starter": "",
	"rig":              "",
	"soak":             "",
	"bench/nlu":        "dialogue model nlu project",
	"cmd/parley": "action agent channel dialogue embed evaluate examples/starter lockstore logging metrics model nlu policy project tracing " +
		"trackerstore worker",
}

// fences say who may import a third party; everybody may import what is in free. Tests are not held to them.
var fences = map[string]string{
	"github.com/gofiber/fiber/v2":         "worker",
	"github.com/valyala/fasthttp":         "worker",
	"github.com/golang-jwt/jwt/v5":        "worker",
	"github.com/redis/go-redis/v9":        "lockstore trackerstore cmd/parley",
	"github.com/bsm/redislock":            "lockstore trackerstore",
	"github.com/prometheus/client_golang": "metrics cmd/parley",
	"github.com/prometheus/client_model":  "metrics",
	"google.golang.org/protobuf":          "metrics tracing",
	"go.opentelemetry.io/otel":            "tracing",
	"go.opentelemetry.io/proto/otlp":      "tracing",
	"golang.org/x/sys":                    "embed learn worker",
	"go.yaml.in/yaml/v4":                  "project",
	"github.com/spf13/cobra":              "cmd/parley",
	"github.com/spf13/pflag":              "cmd/parley",
	"github.com/peterh/liner":             "cmd/parley",
	"github.com/schollz/progressbar/v3":   "cmd/parley",
	"golang.org/x/term":                   "cmd/parley",
	"github.com/dlclark/regexp2":          "nlu",
	"github.com/klauspost/compress":       "trackerstore",
}

// free may be imported by everybody.
var free = []string{"golang.org/x/sync", "golang.org/x/text"}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		name, ours := strings.CutPrefix(p.ImportPath, "parley/")
		if !ours {
			continue
		}
		allowed, known := own[name]
		if !known {
			t.Errorf("package %s is not in the table", name)
			continue
		}
		for _, path := range p.Imports {
			if imported, ours := strings.CutPrefix(path, "parley/"); ours {
				if !slices.Contains(strings.Fields(allowed), imported) {
					t.Errorf("%s must not import %s; it may import: %s", name, imported, allowed)
				}
				continue
			}
			if problem := outside(name, path); problem != "" {
				t.Error(problem)
			}
		}
	}
}

// outside says what is wrong with a package's import of something that is not ours; "" for nothing.
func outside(name, path string) string {
	first, _, _ := strings.Cut(path, "/")
	if !strings.Contains(first, ".") {
		return "" // the standard library
	}
	within := func(module string) bool { return path == module || strings.HasPrefix(path, module+"/") }
	if slices.ContainsFunc(free, within) {
		return ""
	}
	for _, module := range slices.Sorted(maps.Keys(fences)) {
		if within(module) {
			if slices.Contains(strings.Fields(fences[module]), name) {
				return ""
			}
			return name + " must not import " + path + "; that is for " + fences[module]
		}
	}
	return name + " imports " + path + ", which no table allows: every dependency has a line in docs/adr"
}

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "parley/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
