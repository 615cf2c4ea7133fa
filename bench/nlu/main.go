// Command nlu measures understanding on data sets: it trains each set with each kind of features in a process of its own, and
// prints a table of accuracy, calibration, what is refused, processor time, memory, time of a message, and size of the model.
//
// A set is a folder with train.yml and test.yml (that of set for a folder set-part without its own), and oos_test.txt with messages that belong to no intent, if there are any. With
// -develop a fifth of the training examples is the test, so that options can be chosen without a look at test.yml.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// job is one row of the table.
type job struct {
	Set     string // folder
	Kind    string // words, static, model
	Vectors string // folder of the weights
	Develop bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	data := flag.String("data", "", "folder with the sets")
	sets := flag.String("sets", "banking77,banking77-10shot,clinc150", "names of the sets")
	kinds := flag.String("features", "words,static,model", "words; static: and a table of vectors; model: and a language model")
	vectors := flag.String("vectors", "vectors/all-MiniLM-L6-v2", "folder with the weights (make vectors)")
	develop := flag.Bool("develop", false, "test on a fifth of the training examples")
	child := flag.String("child", "", "internal: the row to measure")
	flag.Parse()
	if *child != "" {
		var j job
		if err := json.Unmarshal([]byte(*child), &j); err != nil {
			return err
		}
		return measure(ctx, j)
	}
	if *data == "" {
		return errors.New("-data is missing: the folder with the sets")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(os.Stdout, "| set | features | accuracy % | F1 % | calibration error | out of scope caught % | right ones lost % | training CPU s | wall s | peak MB | message µs p50 | p99 | model MB | load ms |")
	_, _ = fmt.Fprintln(os.Stdout, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for set := range strings.SplitSeq(*sets, ",") {
		for kind := range strings.SplitSeq(*kinds, ",") {
			j := job{Set: filepath.Join(*data, set), Kind: kind, Vectors: *vectors, Develop: *develop}
			if missing := j.missing(); missing != "" {
				_, _ = fmt.Fprintf(os.Stderr, "%s, %s: left out: there is no %s\n", set, kind, missing)
				continue
			}
			text, err := json.Marshal(j)
			if err != nil {
				return err
			}
			cmd := exec.CommandContext(ctx, self, "-child", string(text)) //nolint:gosec // this very program
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				return errors.Join(fmt.Errorf("%s, %s", set, kind), err)
			}
			_, _ = fmt.Fprintf(os.Stdout, "| %s | %s %s", set, kind, out)
		}
	}
	return nil
}

// missing is a file that a row needs and that is not there.
func (j *job) missing() string {
	paths := []string{filepath.Join(j.Set, "train.yml")}
	switch j.Kind {
	case "static":
		paths = append(paths, filepath.Join(j.Vectors, "static.vec"))
	case "model":
		paths = append(paths, filepath.Join(j.Vectors, "model.safetensors"))
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return path
		}
	}
	return ""
}
