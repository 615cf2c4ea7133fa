package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"parley/project"
)

// placeholder is the assistant_id of a project that was never trained.
const placeholder = "placeholder_default"

// completeConfig makes sure that a configuration has what every training needs. An assistant_id that is missing is written
// into the file, as Rasa does; any other key that is missing is an error.
func (a *app) completeConfig(path string, needed ...string) error {
	c, err := project.LoadConfig(path)
	if err != nil {
		return err
	}
	if c.AssistantID == "" || c.AssistantID == placeholder {
		id := time.Now().Format("20060102-150405") + "-" + words(rand.IntN) //nolint:gosec // a name, not a secret
		a.caution("The config file '%s' is missing a unique value for 'assistant_id'. It is now '%s'.", path, id)
		if err := writeAssistantID(path, c.Raw, id); err != nil {
			return err
		}
		c.AssistantID = id
	}
	var missing []string
	for _, key := range needed {
		if key == "language" && c.Language == "" {
			missing = append(missing, "'"+key+"'")
		}
	}
	if len(missing) > 0 {
		return failure("The config file '%s' is missing mandatory parameters: %s. Add missing parameters to the config file and try again.",
			path, strings.Join(missing, ", "))
	}
	return nil
}

// assistantLine is the line of a top-level assistant_id.
var assistantLine = regexp.MustCompile(`(?m)^assistant_id[ \t]*:[^\n]*$`)

// writeAssistantID sets the assistant_id of a config file and leaves everything else as it is.
func writeAssistantID(path string, raw []byte, id string) error {
	line := []byte("assistant_id: " + id)
	if at := assistantLine.FindIndex(raw); at != nil {
		raw = bytes.Join([][]byte{raw[:at[0]], line, raw[at[1]:]}, nil)
	} else {
		if len(raw) > 0 && raw[len(raw)-1] != '\n' {
			line = slices.Concat([]byte("\n"), line)
		}
		raw = slices.Concat(raw, line, []byte("\n"))
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("write the assistant_id: %w", err)
	}
	if err := os.WriteFile(path, raw, info.Mode().Perm()); err != nil {
		return fmt.Errorf("write the assistant_id: %w", err)
	}
	return nil
}
