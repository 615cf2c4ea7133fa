// Package starter is the bot that parley init writes: the desk of a small neighbourhood library. It shows the usual
// parts of a project: intents with examples, entities and synonyms, rules, stories, a form, retrieval responses and tests.
package starter

import (
	"embed"
	"io/fs"
)

//go:embed config.yml domain.yml credentials.yml endpoints.yml data/*.yml tests/*.yml
var files embed.FS

// Files are the bot's files, with paths relative to its folder.
func Files() fs.FS { return files }
