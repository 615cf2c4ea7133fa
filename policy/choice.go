package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
)

// Advice says what in the choice of policies does not fit each other or the stories and rules. Training warns of the same. No
// configuration means the default policies; those that cannot be read are left out.
func Advice(configs []Config, d *dialogue.Domain, steps []dialogue.StoryStep) []string {
	all, _ := readAll(configs, d) // Check says what is wrong with them
	var advice []string
	hasRules := slices.ContainsFunc(steps, func(s dialogue.StoryStep) bool { return s.Rule })
	hasStories := slices.ContainsFunc(steps, func(s dialogue.StoryStep) bool { return !s.Rule })
	warnAboutChoice(all, hasRules, hasStories, func(message string) { advice = append(advice, message) })
	return advice
}

// warnAboutChoice warns of policies that do not fit each other or the data.
func warnAboutChoice(all []*settings, hasRules, hasStories bool, warn func(string)) {
	learnsRules, learnsStories := false, false
	byPriority := map[int][]string{}
	for _, s := range all {
		for _, k := range kinds() {
			if k.name == s.Name {
				learnsRules = learnsRules || k.rules
				learnsStories = learnsStories || k.stories && k.name != ruleBased
			}
		}
		byPriority[s.Priority] = append(byPriority[s.Priority], s.Name)
	}
	switch {
	case !learnsRules && hasRules:
		warn("there are rules, but no policy that learns from rules: add the RulePolicy to policies")
	case !learnsRules:
		warn("there is no RulePolicy among the policies: without it neither forms nor the fallback nor /restart work")
	case !hasRules:
		warn("the RulePolicy is configured, but there are no rules")
	}
	if hasStories && !learnsStories {
		warn("there are stories, but no policy that learns from stories: add the MemoizationPolicy or the TEDPolicy to policies")
	}
	priorities := make([]int, 0, len(byPriority))
	for p := range byPriority {
		priorities = append(priorities, p)
	}
	slices.SortFunc(priorities, func(a, b int) int { return cmp.Compare(b, a) })
	for _, p := range priorities {
		if names := byPriority[p]; len(names) > 1 {
			warn(fmt.Sprintf("the policies %s have the same priority %d: of equal predictions the one first in config.yml wins",
				strings.Join(names, ", "), p))
		}
	}
}
