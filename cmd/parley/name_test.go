package main

import (
	"regexp"
	"testing"
	"time"
)

func TestFixedModelName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"bot":          "bot.tar.gz",
		"v1.0":         "v1.tar.gz",
		"a/bot":        "bot.tar.gz",
		"a/bot.tar.gz": "a/bot.tar.gz",
		"bot.tar.gz":   "bot.tar.gz",
	} {
		if got := fixedModelName(name); got != want {
			t.Errorf("fixedModelName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestModelNameHasTimeAndTwoWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 9, 7, 5, 4, 0, time.Local)
	want := regexp.MustCompile(`^nlu-20260309-070504-[a-z]+-[a-z]+\.tar\.gz$`)
	for range 20 {
		if got := modelName("nlu-", now); !want.MatchString(got) {
			t.Errorf("modelName = %q", got)
		}
	}
	if first, last := words(func(int) int { return 0 }), words(func(n int) int { return n - 1 }); first == last {
		t.Errorf("the first and the last words are both %q", first)
	}
}
