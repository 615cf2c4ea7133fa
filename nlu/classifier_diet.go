package nlu

import (
	"context"
	"slices"

	"parley/dialogue"
	"parley/learn"
)

// networkOptions are the options of Rasa's neural networks that matter here, too.
type networkOptions struct {
	featurizers   []string
	rankingLength int
	renormalize   bool
	passes        int // 0: the learner's own
	seed          uint64
	dropout       float64
	cost          float64
}

// decodeNetworkOptions reads what DIETClassifier and ResponseSelector share.
func decodeNetworkOptions(o *options) networkOptions {
	n := networkOptions{
		featurizers:   o.texts("featurizers"),
		rankingLength: o.integer("ranking_length", 10),
		renormalize:   o.boolean("renormalize_confidences", false),
		seed:          uint64(o.integer("random_seed", 42)),
	}
	if n.rankingLength < 0 {
		o.fail("ranking_length", "must not be negative")
		n.rankingLength = 10
	}
	// Epochs of a network are not passes of a linear learner: they can only shorten training, and never below 3.
	if epochs := o.integer("epochs", 300); epochs > 0 {
		n.passes = max(epochs, 3)
	}
	if _, given := o.cfg.Options["drop_rate"]; given {
		n.dropout = o.number("drop_rate", 0.2)
		if n.dropout < 0 || n.dropout >= 1 {
			o.fail("drop_rate", "must be at least 0 and below 1")
			n.dropout = 0
		} else if n.dropout == 0 {
			n.dropout = -1
		}
	}
	o.choice("model_confidence", "softmax", "softmax")
	o.choice("loss_type", "cross_entropy", "cross_entropy", "margin", "softmax")
	o.choice("similarity_type", "auto", "auto", "cosine", "inner")
	n.learnerOptions(o)
	o.without("hidden_layers_sizes", "share_hidden_layers", "transformer_size", "number_of_transformer_layers", "number_of_attention_heads",
		"use_key_relative_attention", "use_value_relative_attention", "max_relative_position", "unidirectional_encoder", "batch_size",
		"batch_strategy", "learning_rate", "embedding_dimension", "dense_dimension", "concat_dimension", "number_of_negative_examples",
		"maximum_positive_similarity", "maximum_negative_similarity", "use_maximum_negative_similarity", "scale_loss",
		"regularization_constant", "negative_margin_scale", "drop_rate", "drop_rate_attention", "connection_density",
		"use_sparse_input_dropout", "use_dense_input_dropout", "evaluate_every_number_of_epochs", "evaluate_on_number_of_examples",
		"use_masked_language_model", "tensorboard_log_directory", "tensorboard_log_level", "checkpoint_model", "constrain_similarities",
		"run_eagerly", "drop_small_last_batch", "use_gpu", "weight_sparsity", "max_sequence_length")
	return n
}

// learnerOptions reads the option learner, which Rasa does not have.
func (n *networkOptions) learnerOptions(o *options) {
	v, ok := o.value("learner")
	if !ok || v == "auto" || v == "linear" {
		return
	}
	m, ok := v.(map[string]any)
	if !ok {
		o.fail("learner", "must be auto, linear, or a mapping with C and passes, not %s", describe(v))
		return
	}
	inner := newOptions(Config{Name: o.cfg.Name, File: o.cfg.File, Line: o.cfg.Line, Options: m})
	if n.cost = inner.number("C", 0); n.cost < 0 {
		inner.fail("C", "must be positive")
	}
	if p := inner.integer("passes", 0); p > 0 {
		n.passes = p
	}
	if err := inner.finish(); err != nil {
		o.errs = append(o.errs, err)
	}
}

// doubt is the share of right answers that may be refused at the default thresholds of FallbackClassifier, for the sake of
// refusing more of what is out of scope.
const doubt = 0.02

func (n *networkOptions) linear(t *training, component string) learn.LinearOptions {
	return learn.LinearOptions{C: n.cost, Passes: n.passes, Dropout: n.dropout, Seed: n.seed, OneFold: 4000, Doubt: doubt, Progress: t.progress(component)}
}

// dietClassifier finds intents and entities. It has the name and the options of Rasa's transformer; inside work a linear
// learner and a tagger that is told what the former thinks.
type dietClassifier struct {
	networkOptions
	intents, entities bool
	tagging           taggerOptions
	before            []component
	learner           *intentLearner
	tagger            *tagger
}

func newDIETClassifier(o *options) component {
	d := &dietClassifier{networkOptions: decodeNetworkOptions(o)}
	d.intents = o.boolean("intent_classification", true)
	d.entities = o.boolean("entity_recognition", true)
	d.tagging = taggerOptions{component: "DIETClassifier", touching: o.boolean("BILOU_flag", true), split: decodeSplit(o), passes: d.passes, seed: d.seed}
	return d
}

func (d *dietClassifier) bind(before []component) { d.before = slices.Clone(before) }

func (d *dietClassifier) train(ctx context.Context, t *training) error {
	tagging := d.entities && len(entityKinds(t, "DIETClassifier")) > 0
	var thoughts [][]uint64
	if d.intents {
		examples := t.intentExamples()
		opts := d.linear(t, "DIETClassifier")
		opts.AllScores = tagging
		var report *learn.Report
		var err error
		if d.learner, report, err = trainIntents(ctx, sources(d.before, d.featurizers), examples, opts); err != nil {
			return err
		}
		if d.learner == nil {
			t.warn("DIETClassifier: fewer than two intents have examples, so there is nothing to tell apart; no intents are learned")
		} else {
			t.judge("DIETClassifier", examples, d.learner, report)
			if tagging {
				thoughts = t.thoughts(examples, d.learner, report)
			}
		}
	}
	if !tagging {
		return nil
	}
	var err error
	d.tagger, err = trainTagger(ctx, t, d.tagging, thoughts)
	return err
}

// thoughts are the intents that a classifier gives to the training texts that it was not trained on.
func (t *training) thoughts(examples []labelled, l *intentLearner, report *learn.Report) [][]uint64 {
	of := make(map[*message][]uint64, len(examples))
	for i, e := range examples {
		scores := report.Scores[i]
		if scores == nil { // of an intent with too few examples
			at, _ := slices.BinarySearch(l.labels, e.label)
			of[e.message] = []uint64{uint64(at)}
			continue
		}
		p := slices.Clone(scores)
		learn.Softmax(p)
		of[e.message] = likely(nil, p)
	}
	out := make([][]uint64, len(t.messages))
	for i, m := range t.messages {
		out[i] = of[m]
	}
	return out
}

// likely appends the best intent, and the next as well when the best is not likely.
func likely(dst []uint64, p []float32) []uint64 {
	best, next := 0, -1
	for k, v := range p {
		switch {
		case k == 0:
		case v > p[best]:
			best, next = k, best
		case next < 0 || v > p[next]:
			next = k
		}
	}
	dst = append(dst, uint64(best))
	if next >= 0 && p[best] < 0.5 {
		dst = append(dst, uint64(next))
	}
	return dst
}

func (d *dietClassifier) process(_ context.Context, m *message) error {
	m.thought = m.thought[:0]
	if d.intents {
		classify(m, d.learner, d.rankingLength, d.renormalize)
	}
	if d.tagger != nil {
		d.tagger.tag(m, &d.tagging, m.thought)
	}
	return nil
}

// classify writes a learner's intent and ranking into a message.
func classify(m *message, l *intentLearner, length int, renormalize bool) {
	m.answered, m.ranked = true, true
	if l == nil {
		m.intent, m.ranking = dialogue.Intent{}, nil
		return
	}
	p := l.predict(m)
	m.thought = likely(m.thought[:0], p)
	m.ranking = l.rank(p, length)
	if renormalize && length > 0 && length < len(l.labels) {
		sum := 0.0
		for _, r := range m.ranking {
			sum += r.Confidence
		}
		for i := range m.ranking {
			m.ranking[i].Confidence = float64(float32(m.ranking[i].Confidence / sum))
		}
	}
	if len(m.ranking) > 0 {
		m.intent = m.ranking[0]
	}
}

func (d *dietClassifier) save(w *learn.FileWriter) error {
	if d.learner != nil {
		if err := d.learner.put(w); err != nil {
			return err
		}
	}
	if d.tagger != nil {
		return d.tagger.put(w, "tagger")
	}
	return nil
}

func (d *dietClassifier) load(f *learn.File) (err error) {
	if d.learner, err = intentLearnerFrom(f, d.before); err != nil {
		return err
	}
	d.tagger, err = taggerFrom(f, "tagger")
	return err
}

// countSlots is the number of RegexFeaturizers among components.
func countSlots(components []component) int {
	n := 0
	for _, c := range components {
		if _, ok := c.(*regexFeaturizer); ok {
			n++
		}
	}
	return n
}
