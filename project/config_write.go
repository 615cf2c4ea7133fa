package project

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Training says which parts of a configuration a training needs.
type Training struct {
	NLU, Core bool
}

// The comments that tell which defaults were used, as the reference writes them below an empty pipeline or policies.
const (
	defaultPipelineComment = `# # No configuration for the NLU pipeline was provided. The following default pipeline was used to train your model.
# # If you'd like to customize it, uncomment and adjust the pipeline.
# # See https://rasa.com/docs/rasa/tuning-your-model for more information.
#   - name: WhitespaceTokenizer
#   - name: RegexFeaturizer
#   - name: LexicalSyntacticFeaturizer
#   - name: CountVectorsFeaturizer
#   - name: CountVectorsFeaturizer
#     analyzer: char_wb
#     min_ngram: 1
#     max_ngram: 4
#   - name: DIETClassifier
#     epochs: 100
#     constrain_similarities: true
#   - name: EntitySynonymMapper
#   - name: ResponseSelector
#     epochs: 100
#     constrain_similarities: true
#   - name: FallbackClassifier
#     threshold: 0.3
#     ambiguity_threshold: 0.1
`
	defaultPoliciesComment = `# # No configuration for policies was provided. The following default policies were used to train your model.
# # If you'd like to customize them, uncomment and adjust the policies.
# # See https://rasa.com/docs/rasa/policies for more information.
#   - name: MemoizationPolicy
#   - name: RulePolicy
#   - name: UnexpecTEDIntentPolicy
#     max_history: 5
#     epochs: 100
#   - name: TEDPolicy
#     max_history: 5
#     epochs: 100
#     constrain_similarities: true
`
)

// CompleteConfig writes into config.yml what the reference's training writes into it (spec project-files §1.8): an
// assistant_id made by newID if there is none or only the placeholder, and below an empty pipeline or policies the defaults
// as comments. Everything else in the file stays as it is. Warnings say what was changed; the error is Problems.
func CompleteConfig(path string, training Training, newID func() string) (warnings []Problem, err error) {
	r := newReader()
	data, ok := r.file(path)
	if !ok {
		return nil, r.err()
	}
	n := r.document(path, data)
	if n == nil || !r.check(n, configSchema()) {
		return nil, r.err()
	}
	text := configText{lines: strings.SplitAfter(string(data), "\n"), ending: "\n"}
	if bytes.Contains(data, []byte("\r\n")) {
		text.ending = "\r\n"
	}
	r.completeID(n, &text, newID)
	if recipe := plainText(n.get("recipe")); recipe == "" || recipe == recipeDefault { // others have no defaults
		text.completeDefaults(n, training)
	}
	if out := text.String(); out != string(data) {
		if _, err := parseYAML(&source{name: path}, []byte(out), r.env); err != nil {
			r.warnings = nil
			r.errorAt(n, classConfig, "cannot-complete", "add assistant_id, pipeline and policies by hand, each at the beginning of a line",
				"the file is written in a way that cannot be completed automatically")
			return nil, r.err()
		}
		if err := replaceFile(path, []byte(out)); err != nil {
			r.add(Problem{
				File: path, Severity: SeverityError, Class: classFileIO, Code: "unwritable", Message: "cannot write the file: " + cause(err),
				Hint: "set assistant_id, pipeline and policies by hand, or make the file writable",
			})
		}
	}
	return r.warnings, r.err()
}

// completeID gives the configuration an assistant_id.
func (r *reader) completeID(n *node, text *configText, newID func() string) {
	id := n.get("assistant_id")
	if id.isText() && id.str != "" && id.str != placeholderID {
		return
	}
	what := "no assistant_id"
	if id.isText() && id.str == placeholderID {
		what = "the placeholder " + placeholderID + " as assistant_id"
	}
	line := "assistant_id: " + newID()
	r.warnAt(n.keyNode("assistant_id"), "assistant-id", "keep it: it tells the events of your assistants apart",
		"the configuration has %s: %q is written into it", what, line)
	// The reference writes the whole file anew, which spells empty values out.
	for key, p := range n.pairs {
		if p.value.isNull() && key != "assistant_id" {
			text.replaceValue(int(p.key.line), key, "null")
		}
	}
	if n.has("assistant_id") {
		_, value, _ := strings.Cut(line, ": ")
		text.replaceValue(int(n.keyNode("assistant_id").line), "assistant_id", value)
		return
	}
	text.append(line)
}

// completeDefaults adds missing keys and the defaults as comments.
func (t *configText) completeDefaults(n *node, training Training) {
	open := func(key string) bool { return n.get(key).isNull() }
	wanted := map[string]bool{"policies": training.Core, "pipeline": training.NLU, "language": true}
	if !(training.NLU && open("pipeline")) && !(training.Core && open("policies")) {
		return
	}
	for _, key := range []string{"policies", "pipeline", "language"} {
		if wanted[key] && !n.has(key) {
			t.append(key + ":")
		}
	}
	if training.NLU && open("pipeline") {
		t.commentBelow("pipeline", defaultPipelineComment)
	}
	if training.Core && open("policies") {
		t.commentBelow("policies", defaultPoliciesComment)
	}
}

// configText is a file that is edited line by line.
type configText struct {
	lines  []string // with their endings
	ending string
}

func (t *configText) String() string { return strings.Join(t.lines, "") }

// append adds a line at the end.
func (t *configText) append(line string) {
	if n := len(t.lines); n > 0 && t.lines[n-1] == "" {
		t.lines = t.lines[:n-1]
	}
	if n := len(t.lines); n > 0 && !strings.HasSuffix(t.lines[n-1], "\n") {
		t.lines[n-1] += t.ending
	}
	t.lines = append(t.lines, line+t.ending)
}

// replaceValue writes another value behind a key that stands in a line (counted from 1), keeping a comment.
func (t *configText) replaceValue(line int, key, value string) {
	if line < 1 || line > len(t.lines) {
		return
	}
	old := t.lines[line-1]
	at := strings.Index(old, key)
	if at < 0 {
		return
	}
	colon := strings.IndexByte(old[at:], ':')
	if colon < 0 {
		return
	}
	head, tail := old[:at+colon+1], old[at+colon+1:]
	comment := ""
	if i := strings.Index(tail, " #"); i >= 0 {
		comment = strings.TrimRight(tail[i:], "\r\n")
	}
	t.lines[line-1] = head + " " + value + comment + strings.TrimLeft(tail[len(strings.TrimRight(tail, "\r\n")):], " ")
}

// commentBelow puts a comment below the line of a key, in place of comments that follow it directly.
func (t *configText) commentBelow(key, comment string) {
	i := slices.IndexFunc(t.lines, func(line string) bool { return strings.HasPrefix(line, key+":") })
	if i < 0 {
		return
	}
	end := i + 1
	for end < len(t.lines) && strings.HasPrefix(t.lines[end], "#") {
		end++
	}
	if !strings.HasSuffix(t.lines[i], "\n") {
		t.lines[i] += t.ending
	}
	t.lines = slices.Replace(t.lines, i+1, end, strings.ReplaceAll(comment, "\n", t.ending))
}

// replaceFile writes a file beside the old one and puts it in its place, so that no reader sees half of it.
func replaceFile(path string, data []byte) error {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".config-*")
	if err != nil {
		return fmt.Errorf("create a file beside %s: %w", path, err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone once it was renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
