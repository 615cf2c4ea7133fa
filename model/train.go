package model

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/nlu"
	"parley/policy"
	"parley/project"
)

// ErrNothingToTrain means that a project has neither NLU examples nor stories.
var ErrNothingToTrain = errors.New("there are neither NLU examples nor stories or rules to train on")

// Options are the knobs of one training.
type Options struct {
	NLUOnly, CoreOnly bool
	Augmentation      int // story augmentation factor; Rasa's default is 50
	// Progress, when set, is told which part runs and how far it is (0..1). Parts report side by side.
	Progress func(part string, done float64)
	// Warn, when set, is told what a user should know. It may be called from several goroutines.
	Warn func(message string)
	// Review, when set, is told how well intents are understood, judged on examples left out of training.
	Review func(r *nlu.Review)
}

// Train trains a project: the pipeline and the policies side by side. A project without stories gives a model that only
// understands, one without examples a model that only converses.
func Train(ctx context.Context, p *project.Project, o Options) (*Model, error) {
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	withNLU, withCore := !o.CoreOnly && len(p.NLU.Examples) > 0, !o.NLUOnly && len(p.Steps) > 0
	switch {
	case !withNLU && !withCore:
		return nil, ErrNothingToTrain
	case !withNLU && !o.CoreOnly:
		o.Warn("no NLU examples: only the dialogue model is trained")
	case !withCore && !o.NLUOnly:
		o.Warn("no stories or rules: only the NLU model is trained")
	}
	m := &Model{
		ID: newID(), AssistantID: p.Config.AssistantID, TrainedAt: time.Now().UTC().Truncate(time.Microsecond),
		Language: p.Config.Language, Domain: p.Domain,
	}
	g, side := errgroup.WithContext(ctx)
	if withNLU {
		g.Go(func() (err error) {
			pipeline := p.Config.Pipeline
			if pipeline == nil {
				pipeline = nlu.DefaultPipeline()
			}
			opts := nlu.TrainOptions{Language: p.Config.Language, Progress: o.Progress, Warn: o.Warn, Review: o.Review}
			if m.NLU, err = nlu.Train(side, pipeline, &p.NLU, opts); err != nil {
				return fmt.Errorf("train the pipeline: %w", err)
			}
			return nil
		})
	}
	if withCore {
		g.Go(func() (err error) {
			policies := p.Config.Policies
			if policies == nil {
				policies = policy.DefaultPolicies()
			}
			opts := policy.TrainOptions{Augmentation: o.Augmentation, Progress: o.Progress, Warn: o.Warn}
			if m.Policies, err = policy.Train(side, policies, p.Domain, p.Steps, opts); err != nil {
				return fmt.Errorf("train the policies: %w", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if m.Policies != nil {
		if err := m.Policies.TrainEntities(trainTagger(ctx, m.NLU, o.Warn)); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// newID is a random model id, as Rasa writes them.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
