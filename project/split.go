package project

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"parley/nlu"
)

// SplitNLU divides training data into a part to train with and a part to test with, and writes them below dir:
// training_data.yml, test_data.yml and the responses that each needs in nlg_training_data.yml and nlg_test_data.yml. Every
// class of examples is divided by the fraction, with at least one example on each side; the same seed gives the same
// division. Warnings is what was noticed; the error is Problems.
func SplitNLU(paths []string, fraction float64, seed uint64, dir string) (warnings []Problem, err error) {
	r := newReader()
	t := r.newTraining()
	for _, f := range r.find(paths) {
		if data, ok := r.dataFile(f.path); ok {
			t.readFile(f.path, data)
		}
	}
	if err := r.err(); err != nil {
		return r.warnings, err
	}
	train, test := t.divide(fraction, rand.New(rand.NewPCG(seed, 0))) //nolint:gosec // a split needs no secrets
	for _, part := range []struct {
		data, responses string
		examples        []nlu.Example
	}{{"training_data.yml", "nlg_training_data.yml", train}, {"test_data.yml", "nlg_test_data.yml", test}} {
		r.write(filepath.Join(dir, part.data), t.writeNLU(part.examples, nil))
		r.write(filepath.Join(dir, part.responses), t.neededResponses(part.examples))
	}
	return r.warnings, r.err()
}

// divide draws the examples of each class, the rarest first, so that of the first k examples the fraction is for training.
func (t *training) divide(fraction float64, random *rand.Rand) (train, test []nlu.Example) {
	classes := map[string][]int{}
	var order []string
	for i := range t.examples {
		name := cmp.Or(t.examples[i].ResponseKey, t.examples[i].Intent)
		if name == "" {
			continue
		}
		if classes[name] == nil {
			order = append(order, name)
		}
		classes[name] = append(classes[name], i)
	}
	slices.SortStableFunc(order, func(a, b string) int { return len(classes[a]) - len(classes[b]) })
	side := make([]int, len(t.examples)) // 1: training, 2: test
	seen, taken := 0, 0
	for _, name := range order {
		members := classes[name]
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		seen += len(members)
		n := int(float64(seen)*fraction) - taken
		n = min(max(n, 1), len(members)-1)
		if n == 0 {
			t.report.add(Problem{
				File: t.examples[members[0]].File, Line: t.examples[members[0]].Line, Severity: SeverityWarning, Code: "too-few-examples",
				Message: fmt.Sprintf("%q has a single example: it is kept to test with, none is left to train with", name), Hint: "add examples",
			})
		}
		taken += n
		for i, member := range members {
			side[member] = 2
			if i < n {
				side[member] = 1
			}
		}
	}
	if want := int(float64(seen) * fraction); taken != want {
		t.report.add(Problem{
			Severity: SeverityWarning, Code: "fraction", Hint: "add examples, or choose a fraction nearer to one half",
			Message: fmt.Sprintf("there are too few examples for the fraction %g: %d of %d are for training", fraction, taken, seen),
		})
	}
	for i, s := range side {
		switch s {
		case 1:
			train = append(train, t.examples[i])
		case 2:
			test = append(test, t.examples[i])
		}
	}
	return train, test
}

// neededResponses are the responses of retrieval examples as YAML.
func (t *training) neededResponses(examples []nlu.Example) []byte {
	needed := newMap(nil)
	for i := range examples {
		name := "utter_" + examples[i].ResponseKey
		if list := t.responses.get(name); list != nil && !needed.has(name) {
			needed = needed.with(name, list)
		}
	}
	if needed.size() == 0 {
		return nil
	}
	version := newText(latestVersion, nil)
	version.quoted = true
	return writeYAML(newMap(nil).with("version", version).with("responses", needed))
}

// SplitStories divides the stories of each story file below the paths and writes train_<name>, with all that the file has
// beside its stories, and test_<name> into dir. A file with one story gives it to the training. Warnings is what was
// noticed; the error is Problems.
func SplitStories(paths []string, fraction float64, seed uint64, dir string) (warnings []Problem, err error) {
	r := newReader()
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a split needs no secrets
	for _, f := range r.find(paths) {
		data, ok := r.dataFile(f.path)
		if !ok || !isStoryFile(f.path, data) {
			continue
		}
		root := r.yaml(f.path)
		if root == nil || !r.check(root, storiesSchema()) {
			continue
		}
		stories := root.get("stories")
		if stories.size() == 0 {
			continue
		}
		train, test := newList(stories), newList(stories)
		for i, index := range random.Perm(len(stories.kids)) {
			if i < trainSize(len(stories.kids), fraction) {
				train.kids = append(train.kids, stories.kids[index])
			} else {
				test.kids = append(test.kids, stories.kids[index])
			}
		}
		base := filepath.Base(f.path)
		r.write(filepath.Join(dir, "train_"+base), writeYAML(root.with("stories", train)))
		r.write(filepath.Join(dir, "test_"+base), writeYAML(newMap(root).with("stories", test)))
	}
	return r.warnings, r.err()
}

// trainSize is how many of n stories are for training.
func trainSize(n int, fraction float64) int {
	if n == 1 {
		return 1
	}
	return min(max(n-int(math.Ceil(float64(n)*(1-fraction)-1e-9)), 1), n-1)
}

// write writes a file in a folder that may not exist yet.
func (r *reader) write(path string, data []byte) bool {
	err := os.MkdirAll(filepath.Dir(path), 0o755) //nolint:gosec // a project's folder is for everybody who may read the project
	if err == nil {
		err = os.WriteFile(path, data, 0o644) //nolint:gosec // as above
	}
	if err != nil {
		r.add(Problem{
			File: path, Severity: SeverityError, Class: classRasa, Code: "unwritable", Message: "cannot write the file: " + cause(err),
			Hint: "check the permissions of the folder",
		})
	}
	return err == nil
}
