package project_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/project"
)

func TestValidateLooksAtExamples(t *testing.T) {
	t.Parallel()
	var data strings.Builder
	data.WriteString("version: \"3.1\"\nnlu:\n")
	for intent, n := range map[string]int{"a": 20, "b": 20, "few": 2, "many": 200} {
		fmt.Fprintf(&data, "- intent: %s\n  examples: |\n", intent)
		for i := range n {
			fmt.Fprintf(&data, "    - %s %d\n", intent, i)
		}
	}
	p, dir := load(t, map[string]string{
		"domain.yml":   "version: \"3.1\"\nintents: [a, b, few, many, greet, bye]\n",
		"data/big.yml": data.String(),
		"data/nlu.yml": `version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello there
    - Hello there!
    - there hello
    - HELLO THERE
    - see you
- intent: bye
  examples: |
    - See you!
    - 你好
    - ???
`,
	})
	got := map[string][]string{}
	for _, problem := range project.Validate(p) {
		if strings.HasPrefix(problem.Code, "similar") || strings.HasPrefix(problem.Code, "repeated") || strings.HasPrefix(problem.Code, "unbalanced") {
			got[problem.Code] = append(got[problem.Code], strings.ReplaceAll(problem.Message, dir+"/", ""))
		}
	}
	want := map[string][]string{
		"similar-examples": {
			`the example "see you" of greet and "See you!" of bye (line 12 of data/nlu.yml) have the same words`,
		},
		"repeated-examples": {
			`the intent "greet" has 3 examples that differ from another one only in case, punctuation or order of words, as those like "hello there" do`,
		},
		"unbalanced-intent": {
			`the intent "few" has 2 of the examples, most others have some 20`,
			`the intent "many" has 200 examples, most others some 20: what is unlike all of them may be taken for it`,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCheckRecipeAndRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"config.yml": `recipe: default.v1
language: zh
pipeline:
- name: WhitespaceTokenizer
- name: DIETClasifier
- name: ResponseSelector
policies:
- name: RulePolicy
`,
		"domain.yml": "version: \"3.1\"\nintents: [greet]\nresponses:\n  utter_a: [{text: a}]\n  utter_b: [{text: b}]\n",
		"data/nlu.yml": `version: "3.1"
nlu:
- intent: greet
  examples: |
    - hi [Ann](name:Anna)
- regex: name
  examples: |
    - a+
- lookup: name
  examples: |
    - Ann
- intent: faq/a
  examples: |
    - what
`,
		"data/rules.yml": `version: "3.1"
rules:
- rule: one
  steps:
  - intent: greet
  - action: utter_a
- rule: two
  steps:
  - intent: greet
  - action: utter_b
`,
	})
	at := func(name string) string { return dir + "/" + name }
	p, err := project.Load(project.Paths{Config: at("config.yml"), Domain: at("domain.yml"), Data: []string{at("data")}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	tell := func(problems []project.Problem) {
		for _, problem := range problems {
			got = append(got, problem.Severity+" "+problem.Code+" "+problem.Class+" "+strings.ReplaceAll(problem.Error(), dir+"/", ""))
		}
	}
	tell(project.CheckRecipe(p, project.Training{NLU: true, Core: true}))
	got = append(got, "--")
	tell(project.TrainingWarnings(p))
	got = append(got, "--")
	rules, err := project.CheckRules(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	tell(rules)
	want := []string{
		`error bad-config InvalidConfigException config.yml:5: DIETClasifier: unknown component (did you mean "DIETClassifier"?)`,
		`error bad-config GraphSchemaValidationException config.yml:6: ResponseSelector: needs a featurizer before it in the pipeline`,
		`error bad-config GraphSchemaValidationException config.yml:4: WhitespaceTokenizer: does not support the language "zh"`,
		`warning unused-data  config.yml:3: there are annotated entities, but the pipeline has no extractor that learns from them (add DIETClassifier)`,
		`warning unused-data  config.yml:3: there are regular expressions, but the pipeline has no component that reads them (add RegexFeaturizer or RegexEntityExtractor)`,
		`warning unused-data  config.yml:3: there are lookup tables, but the pipeline has no component that reads them (add RegexFeaturizer or RegexEntityExtractor)`,
		`warning unused-data  config.yml:3: there are synonyms, but the pipeline has no EntitySynonymMapper (add EntitySynonymMapper)`,
		"--",
		`warning unused-data  config.yml:3: there are annotated entities, but the pipeline has no extractor that learns from them (add DIETClassifier)`,
		`warning unused-data  config.yml:3: there are regular expressions, but the pipeline has no component that reads them (add RegexFeaturizer or RegexEntityExtractor)`,
		`warning unused-data  config.yml:3: there are lookup tables, but the pipeline has no component that reads them (add RegexFeaturizer or RegexEntityExtractor)`,
		`warning unused-data  config.yml:3: there are synonyms, but the pipeline has no EntitySynonymMapper (add EntitySynonymMapper)`,
		`warning missing-response  data/nlu.yml:14: the retrieval intent "faq/a" has no response utter_faq/a (add it to the responses)`,
		`warning few-examples  data/nlu.yml:5: the intent "greet" has one example only: at least two are needed to learn it (add more)`,
		`warning few-examples  data/nlu.yml:5: the entity "name" has one example only: at least two are needed to learn it (add more)`,
		`warning few-examples  data/nlu.yml:14: the intent "faq" has one example only: at least two are needed to learn it (add more)`,
		"--",
		`error bad-rule InvalidRule data/rules.yml:3: the action utter_a in rule 'one' contradicts rule 'two' (data/rules.yml:7); change one of them, or set check_for_contradictions: false`,
		`error bad-rule InvalidRule data/rules.yml:7: the action utter_b in rule 'two' contradicts rule 'one' (data/rules.yml:3); change one of them, or set check_for_contradictions: false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
