package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Migrated says what MigrateDomain wrote.
type Migrated struct {
	Domain   string // the new domain, a file or a folder
	Original string // the copy of the old one
}

// MigrateDomain writes a domain of Rasa 2 anew for Rasa 3 (spec project-files §6.9): slot mappings move from the forms to the
// slots. path is a file or a folder; out is where the new domain goes, "" for new_domain.yml or new_domain beside it. The
// old domain stays, and is copied to original_domain.yml or original_domain. Neither may exist yet; when something fails,
// nothing stays behind. Warnings names the slots that nothing fills; the error is Problems.
func MigrateDomain(path, out string) (done Migrated, warnings []Problem, err error) {
	r := newReader()
	m := &migrator{reader: r, path: path}
	done, ok := m.run(out)
	if !ok {
		for _, written := range m.written {
			_ = os.RemoveAll(written)
		}
		return Migrated{}, r.warnings, r.err()
	}
	return done, r.warnings, nil
}

// migrator migrates one domain.
type migrator struct {
	*reader
	path    string
	written []string // what was written, to be removed after a failure
}

// domainFile is a file of the domain.
type domainFile struct {
	path, name string // name: below the domain's folder
	data       []byte
	root       *node
}

// fail reports why the migration stops.
func (m *migrator) fail(path, code, hint, format string, args ...any) bool {
	m.add(Problem{File: path, Severity: SeverityError, Class: classRasa, Code: code, Message: fmt.Sprintf(format, args...), Hint: hint})
	return false
}

func (m *migrator) run(out string) (Migrated, bool) {
	info, err := os.Stat(m.path)
	if err != nil {
		m.add(*asProblem(fileError(m.path, err), m.path))
		return Migrated{}, false
	}
	done := Migrated{Domain: out, Original: filepath.Join(filepath.Dir(m.path), "original_domain")}
	if out == "" {
		done.Domain = filepath.Join(filepath.Dir(m.path), "new_domain")
	}
	if !info.IsDir() {
		done.Original += ".yml"
		if out == "" {
			done.Domain += ".yml"
		}
	}
	files, ok := m.files(info.IsDir())
	if !ok || !m.free(done, info.IsDir()) || !m.migrate(files, info.IsDir()) {
		return done, false
	}
	for _, f := range files {
		original, target := done.Original, done.Domain
		if info.IsDir() {
			original, target = filepath.Join(original, f.name), filepath.Join(target, f.name)
		}
		if !m.write(original, f.data) || !m.write(target, writeYAML(f.root)) {
			return done, false
		}
	}
	return done, true
}

// free checks that what is to be written does not exist yet.
func (m *migrator) free(done Migrated, isDir bool) bool {
	for _, path := range []string{done.Original, done.Domain} {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			m.written = append(m.written, path)
		case err != nil:
			return m.fail(path, "unwritable", "", "cannot look at the path: %s", cause(err))
		case isDir && path == done.Domain && info.IsDir() && isEmptyDir(path):
		default:
			m.written = nil
			return m.fail(path, "exists", "remove it, or name another path with --out", "%s exists already", path)
		}
	}
	return true
}

func isEmptyDir(path string) bool {
	entries, err := os.ReadDir(path)
	return err == nil && len(entries) == 0
}

// files reads the files of the domain.
func (m *migrator) files(isDir bool) ([]*domainFile, bool) {
	paths := []string{m.path}
	if isDir {
		paths = nil
		m.walk(m.path, nil, func(p string) {
			if isYAMLName(p) {
				paths = append(paths, p)
			}
		})
		slices.Sort(paths)
	}
	var files []*domainFile
	for _, p := range paths {
		data, ok := m.file(p)
		if !ok {
			return nil, false
		}
		root := m.document(p, data)
		if root == nil {
			return nil, false
		}
		if isDir && !isDomainDocument(root) {
			continue
		}
		if root.kind != kindMap {
			return nil, m.fail(p, "schema", "", "the domain must be a mapping, not %s", root.describe())
		}
		if !isDomainDocument(root) {
			return nil, m.fail(p, "empty-domain", "", "there is no domain in %s", p)
		}
		if root.get("version").text() == latestVersion {
			return nil, m.fail(p, "new-version", "", "the domain %s has version %s already: there is nothing to migrate", p, root.get("version").text())
		}
		name, err := filepath.Rel(m.path, p)
		if err != nil {
			name = filepath.Base(p)
		}
		if root.has("templates") || root.get("forms") != nil && root.get("forms").kind == kindList { // of Rasa 1, which the reference does not migrate
			root = upgradeOldest(root)
		}
		files = append(files, &domainFile{path: p, name: name, data: data, root: root})
	}
	if len(files) == 0 {
		return nil, m.fail(m.path, "empty-domain", "", "there is no domain in %s", m.path)
	}
	return files, true
}

// migrate rewrites the roots of the files.
func (m *migrator) migrate(files []*domainFile, isDir bool) bool {
	holders := map[string]*domainFile{}
	for _, key := range []string{"slots", "forms"} {
		for _, f := range files {
			if !f.root.has(key) {
				continue
			}
			if holders[key] != nil {
				return m.fail(f.path, "several-files", "move them into one file", "%s stand in more than one file: also in %s", key, holders[key].path)
			}
			holders[key] = f
		}
		if isDir && holders[key] == nil {
			return m.fail(m.path, "missing-section", "", "no file of the domain has %s", key)
		}
	}
	entities := newList(nil)
	for _, f := range files {
		entities.kids = append(entities.kids, f.root.get("entities").items()...)
	}
	section := func(key string) *node {
		if holders[key] == nil {
			return nil
		}
		return holders[key].root.get(key)
	}
	moved := migrateMappings(section("slots"), section("forms"), entities)
	for name, p := range moved.slots.pairs {
		if plainText(p.value.get("type")) == "unfeaturized" {
			m.warnAt(p.key, "unfeaturized-slot", "write type: any and influence_conversation: false", "the slot %q keeps the type unfeaturized, which Rasa 3 does not know", name)
		}
	}
	for _, name := range moved.custom {
		m.warnAt(section("slots").keyNode(name), "unfilled-slot", "replace it by a mapping that fits",
			"nothing fills the slot %q: it gets a mapping of type custom", name)
	}
	if moved.slots != nil {
		holders["slots"].root = holders["slots"].root.with("slots", moved.slots)
	}
	if moved.forms != nil {
		holders["forms"].root = holders["forms"].root.with("forms", moved.forms)
	}
	version := newText(latestVersion, nil)
	version.quoted = true
	for _, f := range files {
		if f.root.has("version") {
			f.root = f.root.with("version", version)
		}
	}
	return true
}
