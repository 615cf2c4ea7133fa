package main

import (
	"math/rand/v2"
	"time"

	"parley/project"
)

// completeConfig makes sure that a configuration has what a training needs: like Rasa's, a training writes an assistant_id
// that is missing, and the defaults that it uses as comments, into the file. A missing language is an error.
func (a *app) completeConfig(path string, training project.Training) error {
	newID := func() string {
		return time.Now().Format("20060102-150405") + "-" + words(rand.IntN)
	}
	c, err := project.LoadConfig(path)
	if err != nil {
		return err
	}
	lacks := training.NLU && c.Language == ""
	if lacks {
		training = project.Training{} // the id is written before the reference stops, the defaults are not
	}
	warnings, err := project.CompleteConfig(path, training, newID)
	a.warnAll(warnings)
	if err != nil {
		return err
	}
	if lacks {
		return failure("The config file '%s' is missing mandatory parameters: 'language'. Add missing parameters to the config file and try again.", path)
	}
	return nil
}
