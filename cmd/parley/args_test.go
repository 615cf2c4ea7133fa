package main

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testApp(t *testing.T) *app {
	t.Helper()
	return newApp(func(string) string { return "" }, strings.NewReader(""), t.Output(), t.Output())
}

func TestNormalizeReadsWhatRasaReads(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, line, want string }{
		{"nothing", "", ""},
		{"a list takes what follows", "train --data a b -c c.yml", "train --data=a --data=b --config=c.yml"},
		{"a list may be given twice", "train --data a --data b", "train --data=a --data=b"},
		{"an empty list", "run --cors --enable-api", "run --enable-api=true"},
		{"a list up to the end", "run --cors x y", "run --cors=x --cors=y"},
		{"the beginning of a name", "train --fixed-model m --augm 0", "train --fixed-model-name=m --augmentation=0"},
		{"an exact name is no beginning of another", "run --port 1", "run --port=1"},
		{"a value behind an equals sign", "train --config=c.yml", "train --config=c.yml"},
		{"a negative number is a value", "train --augmentation -1", "train --augmentation=-1"},
		{"a value without a space", "run -p5006", "run --port=5006"},
		{"-vv is a flag of its own", "train -vv", "train --debug=true"},
		{"-v", "train -v", "train --verbose=true"},
		{"a value that may be missing is missing", "train --finetune --force", "train --finetune=  --force=true"},
		{"a value that may be missing is there", "train --finetune m.tar.gz", "train --finetune=m.tar.gz"},
		{"a command behind options", "train --config c.yml nlu --nlu d", "train nlu --config=c.yml --nlu=d"},
		{"a model in place of --model", "run models/x.tar.gz --enable-api", "run --enable-api=true models/x.tar.gz"},
		{"a list that names a command", "train --data data nlu", "train --data=data --data=nlu"},
		{"behind two dashes", "run -- -strange", "run -- -strange"},
		{"help", "train -h", "train --help"},
		{"help, long", "data validate --help", "data validate --help=true"},
		{"flags of one name differ by command", "train nlu -u x -d y", "train nlu --nlu=x --domain=y"},
		{"a command that is missing takes anything", "visualize --out x -z", "visualize --out x -z"},
		{"stories", "data validate stories --max-history 5", "data validate stories --max-history=5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := normalize(testApp(t).root(), strings.Fields(tc.line))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNormalizeRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"train --nope":         "unrecognized arguments: --nope",
		"train -z":             "unrecognized arguments: -z",
		"train --config":       "argument -c/--config: expected one argument",
		"train --config -v":    "argument -c/--config: expected one argument",
		"train --data":         "argument --data: expected at least one argument",
		"train --f":            "ambiguous option: --f could match --fail-on-validation-warnings, --finetune, --fixed-model-name, --force",
		"run --s":              "ambiguous option: --s could match",
		"train core -c":        "argument -c/--config: expected at least one argument",
		"shell nlu --endpoint": "unrecognized arguments: --endpoint",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			got, err := normalize(testApp(t).root(), strings.Fields(line))
			var usage *usageError
			if !errors.As(err, &usage) || !strings.Contains(usage.msg, want) {
				t.Errorf("got %q and error %v, want a usage error with %q", got, err, want)
			}
		})
	}
}

// helpFile lists the options of every command of the reference.
const helpFile = "../../../shared/conformance/cli/help.json"

func TestEveryOptionOfTheReferenceIsThere(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(helpFile)
	if err != nil {
		t.Skipf("the reference's options are not here: %v", err)
	}
	compareOptions(t, raw)
}

func FuzzNormalize(f *testing.F) {
	for _, line := range []string{"train --data a b -c c.yml", "run --cors x", "train --finetune", "-vv", "train -vvv", "run -- x", "-", "--=", "train --=x"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		once, err := normalize(testApp(t).root(), args)
		if err != nil {
			return
		}
		twice, err := normalize(testApp(t).root(), once)
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", args, once, err)
		}
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Errorf("%q is not stable (-once +twice):\n%s", args, diff)
		}
	})
}
