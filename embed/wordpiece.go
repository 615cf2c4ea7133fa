package embed

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordPieces cuts texts into pieces of words, as BERT's tokenizer does.
type wordPieces struct {
	ids     map[string]int32 // by piece; those within a word begin with ##
	names   []string         // by id
	lower   bool
	accents bool // are kept
	unknown int32
	first   int32 // [CLS]
	last    int32 // [SEP]
}

// maxWord is the longest word that is cut, in code points; longer ones are unknown.
const maxWord = 100

// readWordPieces reads vocab.txt or tokenizer.json of a folder.
func readWordPieces(dir string) (*wordPieces, error) {
	w := &wordPieces{lower: true}
	names, err := w.readVocabulary(dir)
	if err != nil {
		return nil, err
	}
	if err := w.readConfig(filepath.Join(dir, "tokenizer_config.json")); err != nil {
		return nil, err
	}
	return w, w.fill(names)
}

// fill takes the vocabulary over.
func (w *wordPieces) fill(names []string) error {
	w.names, w.ids = names, make(map[string]int32, len(names))
	for i, name := range slices.Backward(names) { // of equal ones the first counts
		w.ids[name] = int32(i)
	}
	for _, special := range []struct {
		name string
		id   *int32
	}{{"[UNK]", &w.unknown}, {"[CLS]", &w.first}, {"[SEP]", &w.last}} {
		id, ok := w.ids[special.name]
		if !ok {
			return fmt.Errorf("%w: the vocabulary has no %s: only the WordPiece tokenizers of BERT are known", ErrWeights, special.name)
		}
		*special.id = id
	}
	return nil
}

func (w *wordPieces) readVocabulary(dir string) ([]string, error) {
	path := filepath.Join(dir, "vocab.txt")
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the folder
	if err == nil {
		names, err := lines(string(data))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, len(names)+1, err)
		}
		return names, nil
	}
	path = filepath.Join(dir, "tokenizer.json")
	if data, err = os.ReadFile(path); err != nil { //nolint:gosec // the operator names the folder
		return nil, fmt.Errorf("the folder needs vocab.txt or tokenizer.json: %w", err)
	}
	var t struct {
		Model struct {
			Type  string           `json:"type"`
			Vocab map[string]int32 `json:"vocab"`
		} `json:"model"`
		Normalizer struct {
			Lowercase    *bool `json:"lowercase"`
			StripAccents *bool `json:"strip_accents"`
		} `json:"normalizer"`
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrWeights, path, err)
	}
	if t.Model.Type != "WordPiece" {
		return nil, fmt.Errorf("%w: %s: the tokenizer is %q; only WordPiece is known", ErrWeights, path, t.Model.Type)
	}
	names := make([]string, len(t.Model.Vocab))
	for name, id := range t.Model.Vocab {
		if id < 0 || int(id) >= len(names) {
			return nil, fmt.Errorf("%w: %s: the id %d of %q is out of range", ErrWeights, path, id, name)
		}
		names[id] = name
	}
	if t.Normalizer.Lowercase != nil {
		w.lower = *t.Normalizer.Lowercase
	}
	w.accents = !w.lower
	if t.Normalizer.StripAccents != nil {
		w.accents = !*t.Normalizer.StripAccents
	}
	return names, nil
}

// maxLine is the longest line of a vocabulary, in bytes.
const maxLine = 1 << 16

// lines are the lines of a text, which share its memory; with an error, those before the line that is too long.
func lines(text string) ([]string, error) {
	names := make([]string, 0, strings.Count(text, "\n")+1)
	for line := range strings.Lines(text) {
		if len(line) > maxLine {
			return names, fmt.Errorf("%w: a line of %d bytes", ErrWeights, len(line))
		}
		names = append(names, strings.TrimRight(line, "\r\n"))
	}
	return names, nil
}

// readConfig reads what tokenizer_config.json says about case and accents, if there is one.
func (w *wordPieces) readConfig(path string) error {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil //nolint:nilerr // the file is not needed
	}
	var c struct {
		Lower  *bool `json:"do_lower_case"`
		Accent *bool `json:"strip_accents"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrWeights, path, err)
	}
	if c.Lower != nil {
		w.lower = *c.Lower
		w.accents = !w.lower
	}
	if c.Accent != nil {
		w.accents = !*c.Accent
	}
	return nil
}

// cut appends the ids of a text's pieces, at most limit in all.
func (w *wordPieces) cut(dst []int32, text string, limit int) []int32 {
	if w.lower {
		text = strings.ToLower(text)
	}
	if !w.accents && !ascii(text) {
		text = norm.NFD.String(text)
	}
	start := -1
	for i, r := range text {
		if len(dst) >= limit {
			return dst[:limit]
		}
		space, drop, alone := w.class(r)
		if !space && !drop && !alone {
			if start < 0 {
				start = i
			}
			continue
		}
		if drop {
			if start >= 0 { // the word goes on behind it
				return w.cutClean(dst, text, start, limit)
			}
			continue
		}
		if start >= 0 {
			dst = w.word(dst, text[start:i])
			start = -1
		}
		if alone {
			dst = w.word(dst, text[i:i+utf8.RuneLen(r)])
		}
	}
	if start >= 0 {
		dst = w.word(dst, text[start:])
	}
	return dst[:min(len(dst), limit)]
}

// cutClean goes on with cut from a word on that has characters to drop within.
func (w *wordPieces) cutClean(dst []int32, text string, start, limit int) []int32 {
	clean := strings.Map(func(r rune) rune {
		if _, drop, _ := w.class(r); drop {
			return -1
		}
		return r
	}, text[start:])
	return w.cut(dst, clean, limit)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// class says what a character is: white space, to be dropped, or a piece of its own (punctuation, Chinese).
func (w *wordPieces) class(r rune) (space, drop, alone bool) {
	if r < utf8.RuneSelf {
		switch {
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			return true, false, false
		case r < ' ' || r == 0x7f:
			return false, true, false
		}
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return false, false, !letter
	}
	switch {
	case unicode.Is(unicode.Zs, r):
		return true, false, false
	case r == utf8.RuneError || unicode.Is(unicode.C, r) || !w.accents && unicode.Is(unicode.Mn, r):
		return false, true, false
	}
	return false, false, unicode.Is(unicode.P, r) || chinese(r)
}

// chinese reports whether a character is in the blocks of Chinese characters.
func chinese(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || 0x3400 <= r && r <= 0x4DBF || 0x20000 <= r && r <= 0x2A6DF || 0x2A700 <= r && r <= 0x2B73F ||
		0x2B740 <= r && r <= 0x2B81F || 0x2B820 <= r && r <= 0x2CEAF || 0xF900 <= r && r <= 0xFAFF || 0x2F800 <= r && r <= 0x2FA1F
}

// word appends the pieces of one word: the longest piece first, each time; unknown if a rest has none.
func (w *wordPieces) word(dst []int32, word string) []int32 {
	if len(word) > maxWord && utf8.RuneCountInString(word) > maxWord {
		return append(dst, w.unknown)
	}
	from := len(dst)
	var buf [2 + 4*maxWord]byte
	piece := append(buf[:0], "##"...)
	for start := 0; start < len(word); {
		end := len(word)
		id, ok := int32(0), false
		for ; end > start; end-- {
			if end < len(word) && !utf8.RuneStart(word[end]) {
				continue
			}
			if start == 0 {
				id, ok = w.ids[word[:end]]
			} else {
				piece = append(piece[:2], word[start:end]...)
				id, ok = w.ids[string(piece)]
			}
			if ok {
				break
			}
		}
		if !ok {
			return append(dst[:from], w.unknown)
		}
		dst = append(dst, id)
		start = end
	}
	return dst
}
