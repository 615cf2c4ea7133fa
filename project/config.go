package project

import (
	"fmt"

	"parley/nlu"
	"parley/policy"
)

// Recipes that config.yml may name.
const (
	recipeDefault = "default.v1"
	recipeGraph   = "graph.v1"
)

// placeholderID is the assistant_id that a new project has until its first training.
const placeholderID = "placeholder_default"

// LoadConfig reads config.yml only. The error is Problems.
func LoadConfig(path string) (Config, error) {
	r := newReader()
	c := r.config(path)
	return c, r.err()
}

// config reads and checks config.yml.
func (r *reader) config(path string) Config {
	c := Config{File: path}
	data, ok := r.file(path)
	if !ok {
		return c
	}
	c.Raw = data
	n := r.document(path, data)
	if n == nil || !r.check(n, configSchema()) {
		return c
	}
	recipe := n.get("recipe")
	c.Language, c.AssistantID = plainText(n.get("language")), plainText(n.get("assistant_id"))
	if recipe.given() {
		c.Recipe = recipe.text()
	}
	c.keys = map[string]bool{}
	for key := range n.pairs {
		c.keys[key] = true
	}
	switch {
	case c.Recipe == recipeDefault:
	case !recipe.given():
		r.warnAt(n, "no-recipe", "add recipe: "+recipeDefault, "the configuration names no recipe: %s is used", recipeDefault)
	case c.Recipe == recipeGraph:
		r.errorAt(recipe, classRecipe, "bad-recipe", "use "+recipeDefault, "the recipe %s is not supported", recipeGraph)
	default:
		r.errorAt(recipe, classRecipe, "bad-recipe", "use "+recipeDefault, "the recipe %q does not exist", c.Recipe)
	}
	for _, e := range components(n.get("pipeline")) {
		c.Pipeline = append(c.Pipeline, nlu.Config(e))
	}
	if p := n.get("pipeline"); c.Pipeline == nil && !p.isNull() {
		c.Pipeline = []nlu.Config{} // an empty list means no pipeline, null the default one
	}
	for _, e := range components(n.get("policies")) {
		c.Policies = append(c.Policies, policy.Config(e))
	}
	if p := n.get("policies"); c.Policies == nil && !p.isNull() {
		c.Policies = []policy.Config{}
	}
	r.importers(n)
	return c
}

// component is an entry of the pipeline or the policies.
type component struct {
	Name    string
	Options map[string]any
	File    string
	Line    int
}

func components(list *node) []component {
	var found []component
	for _, item := range list.items() {
		if item.kind != kindMap {
			continue
		}
		found = append(found, component{
			Name: plainText(item.get("name")), Options: item.without("name").object(), File: item.src.name, Line: int(item.line),
		})
	}
	return found
}

// importers warns about importers other than the default one, which are Python classes.
func (r *reader) importers(n *node) {
	for _, item := range n.get("importers").items() {
		name := plainText(item.get("name"))
		if name == "RasaFileImporter" {
			continue
		}
		r.warnAt(item, "importer", "remove it and name the files with --data and --domain",
			"the importer %q is not supported: the files are read from the paths as usual", name)
	}
	if imports := n.get("imports"); imports.size() > 0 {
		r.warnAt(n.keyNode("imports"), "importer", "name the folders with --data and --domain", "imports is not supported: %s", fmt.Sprint(texts(imports)))
	}
}
