package nlu

import "testing"

func TestNonsenseFallsBack(t *testing.T) {
	t.Parallel()
	p, err := Train(t.Context(), DefaultPipeline(), drinks(), TrainOptions{Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"zzz qqq": fallbackIntent, "xyzzy": fallbackIntent, "bring me tea please": "order"} {
		parse, err := p.Parse(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if parse.Intent.Name != want {
			t.Errorf("%q: %s with %.2f, want %s", text, parse.Intent.Name, parse.Intent.Confidence, want)
		}
	}
}
