package project_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/dialogue"
	"parley/project"
)

const shared = "../../shared"

func needShared(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(shared, "conformance", "loader")); err != nil {
		t.Skip("the shared conformance data is not beside this repository:", err)
	}
}

func TestLoadReadsEveryBot(t *testing.T) {
	t.Parallel()
	needShared(t)
	var dirs []string
	for _, pattern := range []string{"bots/*/config.yml", "conformance/bots/*/config.yml"} {
		found, err := filepath.Glob(filepath.Join(shared, pattern))
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, found...)
	}
	for _, config := range dirs {
		dir := filepath.Dir(config)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			p, err := project.Load(project.Paths{Config: config, Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data")}})
			if err != nil {
				t.Fatal(err)
			}
			again, err := project.ParseDomain("domain.json", p.Domain.Raw)
			if err != nil {
				t.Fatalf("its serialised domain cannot be read: %v", err)
			}
			if diff := cmp.Diff(p.Domain, again, cmpopts.IgnoreUnexported(dialogue.Domain{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("its serialised domain is another (-loaded +parsed):\n%s", diff)
			}
		})
	}
}
