package policy

import (
	"context"
	"fmt"
	"slices"

	"parley/dialogue"
)

// EntityTagger finds in texts the entities that a policy learned to find.
type EntityTagger interface {
	// Tag gives the entities of a text in the order of their places; offsets count code points.
	Tag(ctx context.Context, text string) ([]dialogue.Entity, error)
}

// EntityTraining is what a policy learns to find entities from: the messages of end-to-end stories that are texts, and its options.
type EntityTraining struct {
	Policy       string // whose name the entities bear as extractor
	Examples     []EntityExample
	BILOU        bool            // BILOU_flag
	SplitByComma map[string]bool // split_entities_by_comma, by type of entity; "" for all others
	Seed         uint64
}

// EntityExample is a text of a story. Offsets count code points.
type EntityExample struct {
	Text     string
	Entities []dialogue.Entity // those of the domain
	File     string
	Line     int // of the story
}

// TrainEntities has the policies learn to find entities in texts: TEDPolicy, if end-to-end stories annotate some that are in the
// domain and its entity_recognition is not false. Train makes a tagger, and the bytes that LoadEntities is given for it. It is not
// called for others. It must be called before the first Predict.
func (e *Ensemble) TrainEntities(train func(t *EntityTraining) (EntityTagger, []byte, error)) error {
	for i := range e.policies {
		p, ok := e.policies[i].trained.(*ted)
		if !ok || p.entities == nil {
			continue
		}
		var err error
		if p.tagger, p.weights, err = train(p.entities); err != nil {
			return fmt.Errorf("train %s to find entities: %w", p.settings.Name, err)
		}
		p.entities = nil
	}
	return nil
}

// LoadEntities makes the taggers of a loaded ensemble of the bytes that were kept for them. An error is an ErrCorrupt. It must be called
// before the first Predict.
func (e *Ensemble) LoadEntities(load func(data []byte) (EntityTagger, error)) error {
	for i := range e.policies {
		p, ok := e.policies[i].trained.(*ted)
		if !ok || len(p.weights) == 0 {
			continue
		}
		var err error
		if p.tagger, err = load(p.weights); err != nil {
			return fmt.Errorf("load %s: %w: %w", sectionOf(i, p.settings), ErrCorrupt, err)
		}
	}
	return nil
}

// entityTraining is what a policy may learn to find entities from; nil if no text of a story has one of the domain. In rules, and
// beside intents, texts do not count.
func (t *trainer) entityTraining(s *settings) *EntityTraining {
	if s.Learned.NoEntities {
		return nil
	}
	all := &EntityTraining{Policy: s.Name, BILOU: !s.Learned.noBILOU, SplitByComma: s.Learned.split, Seed: s.Learned.Seed}
	found := false
	for i := range t.steps {
		step := &t.steps[i]
		if step.Rule {
			continue
		}
		for _, e := range step.Events {
			u, ok := e.(*dialogue.UserUttered)
			if !ok || u.Text == nil || *u.Text == "" || u.Parse.Intent.Name != "" {
				continue
			}
			known := slices.DeleteFunc(slices.Clone(u.Parse.Entities), func(e dialogue.Entity) bool { return !t.domain.HasEntity(e.Entity) })
			found = found || len(known) > 0
			all.Examples = append(all.Examples, EntityExample{Text: *u.Text, Entities: known, File: step.File, Line: step.Line})
		}
	}
	if !found {
		return nil
	}
	return all
}

// tag is the event of the entities in the latest message, if it has some. It counts only if the policy wins, by the text of that
// message (Rasa 3.6.21 core/policies/ted_policy.py _create_optional_event_for_entities).
func (p *ted) tag(ctx context.Context, w *window) ([]dialogue.Event, error) {
	if p.tagger == nil {
		return nil, nil
	}
	found, err := p.tagger.Tag(ctx, w.now.LatestText())
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return []dialogue.Event{&dialogue.EntitiesAdded{Entities: found}}, nil
}

// setSplit reads split_entities_by_comma: a truth value, or one for each type of entity.
func (s *settings) setSplit(value any) error {
	split := map[string]bool{"": true}
	switch value := value.(type) {
	case bool:
		split[""] = value
	case map[string]any:
		for _, entity := range sortedKeys(value) {
			b, ok := value[entity].(bool)
			if !ok {
				return s.fail(ErrInvalidConfig, "option %q: %s must be true or false, not %v", "split_entities_by_comma", entity, value[entity])
			}
			split[entity] = b
		}
	default:
		return s.fail(ErrInvalidConfig, "option %q must be true, false, or a mapping of entities to these, not %v", "split_entities_by_comma", value)
	}
	s.Learned.split = split
	return nil
}
