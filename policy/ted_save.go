package policy

import (
	"errors"
	"fmt"
)

// savedTED is a ted as it is stored.
type savedTED struct {
	Scorer   savedScorer       `json:"scorer"`
	Actions  []string          `json:"actions"` // of each class
	Windows  map[uint64]string `json:"windows"` // action in each window of the stories; "": several
	Trust    float32           `json:"trust"`
	WithText bool              `json:"with_text"`
	OnlyText bool              `json:"only_text"`
	Entities []byte            `json:"entities,omitempty"` // weights of the tagger
}

func (p *ted) encode(v *vocabulary) any {
	s := savedTED{
		Scorer: p.scorer.encode(), Windows: make(map[uint64]string, len(p.exact)), Trust: p.trust, WithText: p.withText, OnlyText: p.onlyText,
		Entities: p.weights,
	}
	for _, a := range p.actions {
		s.Actions = append(s.Actions, v.domain.Actions[a])
	}
	for window, class := range p.exact {
		s.Windows[window] = ""
		if class != ambiguous {
			s.Windows[window] = s.Actions[class]
		}
	}
	return s
}

func decodeTED(data []byte, v *vocabulary, s *settings) (trained, error) {
	var saved savedTED
	scorer, err := decodeLearned(data, v, &saved, &saved.Scorer, true)
	if err != nil || scorer == nil {
		return nothing{}, err
	}
	if saved.Trust < 0 || saved.Trust > 1 {
		return nil, fmt.Errorf("the trust in windows of stories is %g", saved.Trust)
	}
	p := newTED(s, v, scorer)
	p.trust, p.withText, p.onlyText, p.weights = saved.Trust, saved.WithText, saved.OnlyText, saved.Entities
	for _, name := range saved.Actions {
		action := v.domain.ActionIndex(name)
		if action < 0 {
			return nil, fmt.Errorf("the domain has no action %q", name)
		}
		p.class(action)
	}
	if len(p.actions) != scorer.model.Classes() || len(p.actions) != len(saved.Actions) {
		return nil, errors.New("actions and weights do not fit")
	}
	for window, name := range saved.Windows {
		class := int32(ambiguous)
		if name != "" {
			action := v.domain.ActionIndex(name)
			if action < 0 || p.classes[action] < 0 {
				return nil, fmt.Errorf("the action %q of a window is none", name)
			}
			class = int32(p.classes[action])
		}
		p.exact[window] = class
	}
	return p, nil
}
