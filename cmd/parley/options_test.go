package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// referenceOption is an option of the reference.
type referenceOption struct {
	Names   []string
	Switch  bool
	Nargs   string
	Default any
}

// unlike are defaults that differ from the reference's on purpose, or have no equal.
var unlike = []string{
	"--conversation-id", // random there, too
	"--finetune",        // its default is the absence
	"--actions",         // shown as absent there; the help says "actions"
}

func compareOptions(t *testing.T, raw []byte) {
	t.Helper()
	var reference struct {
		Commands map[string]struct {
			Options []referenceOption
		}
	}
	if err := json.Unmarshal(raw, &reference); err != nil {
		t.Fatal(err)
	}
	for path, command := range reference.Commands {
		words := strings.Fields(path)[1:]
		cmd := testApp(t).root()
		for _, word := range words {
			cmd = child(cmd, word)
			if cmd == nil {
				break
			}
		}
		if cmd == nil || cmd.DisableFlagParsing {
			continue // a command that is missing says so
		}
		for _, o := range command.Options {
			compareOption(t, cmd, o)
		}
	}
}

func child(cmd *cobra.Command, name string) *cobra.Command {
	for _, sub := range cmd.Commands() {
		if sub.Name() == name {
			return sub
		}
	}
	return nil
}

func compareOption(t *testing.T, cmd *cobra.Command, o referenceOption) {
	t.Helper()
	for _, name := range o.Names {
		at := cmd.CommandPath() + " " + name
		f := cmd.Flags().Lookup(strings.TrimPrefix(name, "--"))
		switch {
		case name == "-vv":
			f = cmd.Flags().Lookup("debug")
		case !strings.HasPrefix(name, "--"):
			f = cmd.Flags().ShorthandLookup(name[1:])
		}
		if f == nil {
			t.Errorf("%s is missing", at)
			continue
		}
		if isSwitch := f.Value.Type() == "bool"; isSwitch != o.Switch {
			t.Errorf("%s: switch %v, in the reference %v", at, isSwitch, o.Switch)
		}
		number := ""
		if a := f.Annotations[nargs]; len(a) > 0 {
			number = a[0]
		}
		if number != o.Nargs {
			t.Errorf("%s takes %q values, in the reference %q", at, number, o.Nargs)
		}
		if o.Switch || slices.Contains(unlike, name) {
			continue
		}
		want := ""
		switch d := o.Default.(type) {
		case nil:
		case []any:
			var words []string
			for _, v := range d {
				if v != nil {
					words = append(words, fmt.Sprint(v))
				}
			}
			want = strings.Join(words, ",")
		default:
			want = fmt.Sprint(d)
		}
		got := strings.Trim(f.DefValue, "[]")
		if f.Annotations[noDefault] != nil {
			got = ""
		}
		if got != want {
			t.Errorf("%s defaults to %q, in the reference to %q", at, got, want)
		}
	}
}
