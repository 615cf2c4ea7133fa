package project

import (
	"os"
	"slices"
)

// ConvertStories reads stories in the Markdown of Rasa 1 and 2, of a file or of all such files below a folder, and gives them as YAML of
// Rasa 3. Warnings is what was noticed, and what has to be done by hand; the error is Problems.
func ConvertStories(path string) (out []byte, warnings []Problem, err error) {
	r := newReader()
	r.legacy = true
	s := r.newStories(nil, false)
	info, statErr := os.Stat(path)
	if statErr != nil {
		r.add(*asProblem(fileError(path, statErr), path))
		return nil, r.warnings, r.err()
	}
	files := []dataFile{{path: path}}
	if info.IsDir() {
		files = r.find([]string{path})
	}
	for _, f := range files {
		if data, ok := r.dataFile(f.path); ok && markdownKind(f.path, data) == "stories" && r.isUTF8(f.path, data) {
			s.readMarkdown(f.path, data)
		}
	}
	if len(s.written) == 0 && len(r.errors) == 0 {
		r.add(Problem{
			File: path, Severity: SeverityError, Class: classValue, Code: "unknown-format", Message: "there are no stories in Markdown",
			Hint: "name a file or folder with lines like ## story, * intent and - action",
		})
	}
	for _, lost := range s.lost {
		r.add(lost)
	}
	version := newText(latestVersion, nil)
	version.quoted = true
	root := newMap(nil).with("version", version)
	for _, section := range []struct{ list, item string }{{"stories", "story"}, {"rules", "rule"}} {
		items := newList(nil)
		for _, story := range s.written {
			switch steps := story.get("steps"); {
			case !story.has(section.item):
			case steps.size() == 0:
				r.warnAt(story, "no-steps", "", "the %s %q has no steps and is left out", section.item, story.get(section.item).str)
			default:
				items.kids = append(items.kids, story)
				if slices.ContainsFunc(steps.kids, func(step *node) bool { return step.has("active_loop") }) {
					r.warnAt(story, "form-story", "write a rule that activates the form and one for what follows when it ends",
						"the %s %q runs a form, which is the business of rules since Rasa 2", section.item, story.get(section.item).str)
				}
			}
		}
		if items.size() > 0 {
			root = root.with(section.list, items)
		}
	}
	return writeYAML(root), r.warnings, r.err()
}
