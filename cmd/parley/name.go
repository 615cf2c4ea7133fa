package main

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"
)

// modelName is the file name of a new model: the time and two words that are easy to remember.
func modelName(prefix string, now time.Time) string {
	return prefix + now.Format("20060102-150405") + "-" + words(rand.IntN) + ".tar.gz"
}

// words are an adjective and a noun.
func words(pick func(n int) int) string {
	adjectives := []string{
		"amber", "bold", "brisk", "calm", "civil", "clear", "cosy", "crisp", "deft", "eager", "fair", "fond", "frank", "fresh",
		"gentle", "glad", "golden", "grand", "hazel", "humble", "ivory", "jolly", "keen", "kind", "lively", "lucid", "mellow",
		"merry", "mild", "modest", "neat", "nimble", "noble", "patient", "plain", "polite", "proud", "quick", "quiet", "ready",
		"silver", "smart", "sober", "spry", "steady", "sunny", "tidy", "warm", "wise", "witty",
	}
	nouns := []string{
		"anchor", "badger", "beacon", "birch", "breeze", "bridge", "brook", "candle", "cedar", "comet", "compass", "coral",
		"cricket", "dune", "echo", "falcon", "fern", "finch", "garden", "harbor", "heron", "island", "juniper", "kestrel",
		"lagoon", "lantern", "lark", "linden", "maple", "marble", "meadow", "orchard", "otter", "parrot", "pebble", "plover",
		"quarry", "quill", "raven", "reed", "robin", "saddle", "sparrow", "spring", "thicket", "thimble", "valley", "violin",
		"willow", "wren",
	}
	return adjectives[pick(len(adjectives))] + "-" + nouns[pick(len(nouns))]
}

// fixedModelName is the file of --fixed-model-name: a name that ends in .tar.gz is kept with its folders; of any other only
// the base name counts, and its last extension is replaced.
func fixedModelName(name string) string {
	if strings.HasSuffix(name, ".tar.gz") {
		return name
	}
	base := filepath.Base(name)
	return strings.TrimSuffix(base, filepath.Ext(base)) + ".tar.gz"
}
