package nlu

import (
	"context"

	"parley/learn"
)

// crfExtractor finds entities by the features of tokens that its configuration lists.
type crfExtractor struct {
	tagging taggerOptions
	tagger  *tagger
}

func newCRFEntityExtractor(o *options) component {
	c := &crfExtractor{tagging: taggerOptions{component: "CRFEntityExtractor", seed: 42}}
	c.tagging.touching = o.boolean("BILOU_flag", true)
	c.tagging.split = decodeSplit(o)
	c.tagging.passes = o.integer("max_iterations", 50)
	o.number("L1_c", 0.1)
	o.number("L2_c", 0.1)
	o.texts("featurizers")
	c.tagging.window = decodeWindow(o, taggerFeatures(), [][]string{
		{"low", "title", "upper"},
		{"low", "bias", "prefix5", "prefix2", "suffix5", "suffix3", "suffix2", "upper", "title", "digit", "pattern"},
		{"low", "title", "upper"},
	})
	if len(c.tagging.window)%2 == 0 {
		o.fail("features", "must have an odd number of lists, so that one is in the middle, not %d", len(c.tagging.window))
		c.tagging.window = [][]string{{"low"}}
	}
	return c
}

func (c *crfExtractor) train(ctx context.Context, t *training) (err error) {
	for _, name := range []string{"pos", "pos2", "text_dense_features", "entity"} {
		if hasFeature(c.tagging.window, name) {
			t.warn("CRFEntityExtractor: no component before it gives the feature %s; it is left out", name)
		}
	}
	c.tagger, err = trainTagger(ctx, t, c.tagging, nil)
	return err
}

func (c *crfExtractor) process(_ context.Context, m *message) error {
	if c.tagger != nil {
		c.tagger.tag(m, &c.tagging, nil)
	}
	return nil
}

func (c *crfExtractor) save(w *learn.FileWriter) error {
	if c.tagger == nil {
		return nil
	}
	return c.tagger.put(w, "tagger")
}

func (c *crfExtractor) load(f *learn.File) (err error) {
	c.tagger, err = taggerFrom(f, "tagger")
	return err
}
