package nlu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/dialogue"
	"parley/learn"
)

// Pipeline is a trained pipeline. It is safe for concurrent use.
type Pipeline struct {
	configs    []Config
	language   string
	components []component
	slots      int       // number of RegexFeaturizers
	dense      int       // number of dense featurizers
	messages   sync.Pool // *message
	timed      func(component string, d time.Duration)
	parsed     atomic.Uint32 // texts, to time some
}

// ErrUnknownFormat says that a model was written by a version of Parley that this one cannot read.
var ErrUnknownFormat = errors.New("nlu: unknown format of a pipeline")

// formatVersion changes when a pipeline's sections change their meaning: hashes, features, output of components.
const formatVersion = 1

// Train trains a pipeline. The same data and options give the same pipeline, whatever the number of cores.
func Train(ctx context.Context, configs []Config, data *TrainingData, opts TrainOptions) (*Pipeline, error) {
	if err := CheckLanguage(configs, opts.Language); err != nil {
		return nil, err
	}
	components, err := build(configs, opts.Language)
	if err != nil {
		return nil, err
	}
	p := &Pipeline{configs: cloneConfigs(configs), language: opts.Language, components: components, slots: countSlots(components), dense: countDense(components)}
	t := newTraining(data, opts, p.slots, p.dense)
	for i, c := range components {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("train %s: %w", configs[i].Name, err)
		}
		name := className(configs[i].Name)
		if opts.Progress != nil {
			opts.Progress(name, 0)
		}
		if tr, ok := c.(trainable); ok {
			if err := tr.train(ctx, t); err != nil {
				return nil, fmt.Errorf("train %s: %w", name, err)
			}
		}
		if err := t.prepare(ctx, c); err != nil {
			return nil, fmt.Errorf("apply %s to the training data: %w", name, err)
		}
		if opts.Progress != nil {
			opts.Progress(name, 1)
		}
	}
	if opts.Review != nil && t.review != nil && t.review.Examples > 0 {
		t.review.fallBack(components, t.verdicts)
		opts.Review(t.review)
	}
	return p, nil
}

// LogTo says where components report what goes wrong while they serve; without it they are silent. It must be called
// before the first Parse.
func (p *Pipeline) LogTo(l *slog.Logger) {
	for _, c := range p.components {
		if s, ok := c.(interface{ logTo(l *slog.Logger) }); ok {
			s.logTo(l)
		}
	}
}

// PassBy says what adds to the headers of calls of other servers (Duckling) whatever continues the trace of their context. It must be
// called before the first Parse.
func (p *Pipeline) PassBy(pass func(ctx context.Context, h http.Header)) {
	for _, c := range p.components {
		if s, ok := c.(interface {
			passBy(pass func(ctx context.Context, h http.Header))
		}); ok {
			s.passBy(pass)
		}
	}
}

// timedTexts is of how many texts one is timed component by component: looking at the clock for each costs more than some of them.
const timedTexts = 16

// TimeTo says who is told how long each component took, for one of sixteen texts. It must be called before the first Parse. It returns
// the names of the components.
func (p *Pipeline) TimeTo(timed func(component string, d time.Duration)) []string {
	p.timed = timed
	names := make([]string, len(p.configs))
	for i, c := range p.configs {
		names[i] = c.Name
	}
	return names
}

// cloneConfigs keeps what a pipeline must remember of its configuration.
func cloneConfigs(configs []Config) []Config {
	out := make([]Config, len(configs))
	for i, c := range configs {
		out[i] = Config{Name: className(c.Name), Options: maps.Clone(c.Options)}
	}
	return out
}

// Components lists the entries of config.yml that the pipeline was made of.
func (p *Pipeline) Components() []Config { return slices.Clone(p.configs) }

// Parse understands one text. The result has Text, Intent, Entities and whatever else the components give; the shortcut
// "/intent" is not looked at (see Shortcut). Bytes that are not UTF-8 count as U+FFFD.
func (p *Pipeline) Parse(ctx context.Context, text string) (dialogue.Parse, error) {
	m, ok := p.messages.Get().(*message)
	if !ok {
		m = &message{}
	}
	m.reset(strings.ToValidUTF8(text, "\uFFFD"), p.slots, p.dense)
	timed, begun := p.timed != nil && p.parsed.Add(1)%timedTexts == 1, time.Time{}
	if timed {
		begun = time.Now()
	}
	for i, c := range p.components {
		if err := c.process(ctx, m); err != nil {
			return dialogue.Parse{}, fmt.Errorf("%s: %w", p.configs[i].Name, err)
		}
		if timed {
			took := time.Since(begun) // each begins when the one before ends
			p.timed(p.configs[i].Name, took)
			begun = begun.Add(took)
		}
	}
	answer := m.answer()
	m.reset("", p.slots, p.dense) // keep nothing of the message alive
	p.messages.Put(m)
	return answer, nil
}

// Save hands the trained pipeline over as named sections.
func (p *Pipeline) Save(put func(name string, data []byte) error) error {
	configs := make([]any, len(p.configs))
	for i, c := range p.configs {
		options := map[string]any{}
		maps.Copy(options, c.Options)
		configs[i] = map[string]any{"name": c.Name, "options": options}
	}
	head := dialogue.AppendJSON(nil, map[string]any{"format": formatVersion, "language": p.language, "pipeline": configs})
	if err := put("pipeline.json", head); err != nil {
		return fmt.Errorf("save pipeline: %w", err)
	}
	for i, c := range p.components {
		s, ok := c.(stored)
		if !ok {
			continue
		}
		var w learn.FileWriter
		if err := s.save(&w); err != nil {
			return fmt.Errorf("save %s: %w", p.configs[i].Name, err)
		}
		data, err := w.Finish()
		if err != nil {
			return fmt.Errorf("save %s: %w", p.configs[i].Name, err)
		}
		if err := put(sectionName(i, p.configs[i].Name), data); err != nil {
			return fmt.Errorf("save %s: %w", p.configs[i].Name, err)
		}
	}
	return nil
}

func sectionName(i int, component string) string { return fmt.Sprintf("%02d-%s.bin", i, component) }

// Load makes a pipeline from its sections. The pipeline uses the bytes in place: they must not change afterwards.
func Load(get func(name string) ([]byte, error)) (*Pipeline, error) {
	head, err := get("pipeline.json")
	if err != nil {
		return nil, fmt.Errorf("load pipeline: %w", err)
	}
	p, err := readHead(head)
	if err != nil {
		return nil, fmt.Errorf("load pipeline: %w", err)
	}
	if p.components, err = build(p.configs, p.language); err != nil {
		return nil, fmt.Errorf("load pipeline: %w", err)
	}
	p.slots, p.dense = countSlots(p.components), countDense(p.components)
	for i, c := range p.components {
		s, ok := c.(stored)
		if !ok {
			continue
		}
		name := p.configs[i].Name
		data, err := get(sectionName(i, name))
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", name, err)
		}
		f, err := learn.OpenFile(data)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", name, err)
		}
		if err := s.load(f); err != nil {
			return nil, fmt.Errorf("load %s: %w", name, err)
		}
	}
	return p, nil
}

// readHead reads the configuration of a saved pipeline.
func readHead(data []byte) (*Pipeline, error) {
	v, err := dialogue.DecodeJSON(data)
	if err != nil {
		return nil, fmt.Errorf("%w: pipeline.json: %w", learn.ErrCorrupt, err)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: pipeline.json is no object", learn.ErrCorrupt)
	}
	if object["format"] != formatVersion {
		return nil, fmt.Errorf("%w: %v, this program reads %d; train again", ErrUnknownFormat, object["format"], formatVersion)
	}
	p := &Pipeline{}
	p.language, _ = object["language"].(string)
	list, ok := object["pipeline"].([]any)
	if !ok {
		return nil, fmt.Errorf("%w: pipeline.json has no pipeline", learn.ErrCorrupt)
	}
	for _, e := range list {
		entry, ok := e.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%w: pipeline.json: a component is no object", learn.ErrCorrupt)
		}
		name, _ := entry["name"].(string)
		options, _ := entry["options"].(map[string]any)
		p.configs = append(p.configs, Config{Name: name, Options: options})
	}
	return p, nil
}
