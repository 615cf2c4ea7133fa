package main

import (
	"os"
)

// The places where a project's files are by default.
const (
	defaultConfig      = "config.yml"
	defaultDomain      = "domain.yml"
	defaultData        = "data"
	defaultModels      = "models"
	defaultEndpoints   = "endpoints.yml"
	defaultCredentials = "credentials.yml"
)

// path checks a path that a flag gives: one that does not exist is replaced by the default, with a warning, and it is an
// error if that does not exist either.
func (a *app) path(given, byDefault, flag string) (string, error) {
	found := a.optionalPath(given, byDefault, flag)
	if found == "" {
		if given == "" || given == byDefault {
			return "", failure("The path '%s' does not exist. Please make sure to create it or to name another one with '%s'.", byDefault, flag)
		}
		return "", failure("The path '%s' does not exist, and neither does the default '%s'. Please name another one with '%s'.", given, byDefault, flag)
	}
	return found, nil
}

// optionalPath is the same for what need not exist: then it is "".
func (a *app) optionalPath(given, byDefault, flag string) string {
	switch {
	case given != "" && exists(given):
		return given
	case byDefault != "" && exists(byDefault):
		if given != "" && given != byDefault {
			a.caution("The path '%s' of '%s' does not exist. Using the default '%s' instead.", given, flag, byDefault)
		}
		return byDefault
	}
	return ""
}

// dataPaths are those of the given paths that exist, or the default.
func (a *app) dataPaths(given []string, flag string) []string {
	var found []string
	for _, p := range given {
		if p := a.optionalPath(p, defaultData, flag); p != "" {
			found = append(found, p)
		}
	}
	return found
}

// existing are those of the given paths that exist. The others are warned of and hold nothing: what would be checked in their place is
// not what was meant.
func (a *app) existing(given []string, flag string) []string {
	var found []string
	for _, p := range given {
		if exists(p) {
			found = append(found, p)
			continue
		}
		a.caution("The path '%s' of '%s' does not exist.", p, flag)
	}
	return found
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
