package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

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
