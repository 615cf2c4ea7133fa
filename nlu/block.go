package nlu

import (
	"math/bits"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// block is one kind of features of a whole text: counts of words, of n-grams of words or characters, or the patterns
// that occur.
type block struct {
	Analyzer     string // word, char, char_wb, pattern, dense
	Min, Max     int    // length of n-grams
	KeepCase     bool
	StripAccents string
	StopWords    []string
	MinDF, MaxDF int     // documents an n-gram must and may occur in; 0: by share
	MinShare     float64 // the same as a share of all documents
	MaxShare     float64
	MaxFeatures  int // 0: all
	OOVToken     string
	OOVWords     []string
	Slot         int     // pattern, dense: whose hits or vectors
	Weight       float32 // scale of the block; 0: 1
	Width        int     // dense: numbers of a vector

	dense *denseFeaturizer // where the vectors come from, while training
}

// lexer prepares a text for its blocks: tokens in the wanted case, and the hashes of their words. It is scratch memory.
type lexer struct {
	text     []byte // normalised tokens, one after another
	ends     []int  // of each token in text
	keepCase bool
	accents  string
	ready    bool
	runes    []int // starts of the runes of a padded word
	padded   []byte
	words    []uint64
	keys     []uint64
}

// prepare normalises the tokens of a message: composed characters (NFC), lower case, accents stripped.
func (x *lexer) prepare(m *message, b *block) {
	if x.ready && x.keepCase == b.KeepCase && x.accents == b.StripAccents {
		return
	}
	x.ready, x.keepCase, x.accents = true, b.KeepCase, b.StripAccents
	x.text, x.ends = x.text[:0], x.ends[:0]
	for _, t := range m.tokens {
		x.text = appendNormal(x.text, m.word(t), b.KeepCase, b.StripAccents)
		x.ends = append(x.ends, len(x.text))
	}
}

// appendNormal appends a text in normal form.
func appendNormal(dst []byte, s string, keepCase bool, accents string) []byte {
	from := len(dst)
	if isASCII(s) {
		dst = append(dst, s...)
		if !keepCase {
			for i := from; i < len(dst); i++ {
				if c := dst[i]; 'A' <= c && c <= 'Z' {
					dst[i] = c + 'a' - 'A'
				}
			}
		}
		return dst
	}
	if accents != "" {
		for _, r := range norm.NFKD.String(s) {
			if unicode.Is(unicode.Mn, r) || accents == "ascii" && r >= utf8.RuneSelf {
				continue
			}
			dst = utf8.AppendRune(dst, caseOf(r, keepCase))
		}
		return dst
	}
	if !norm.NFC.IsNormalString(s) {
		s = norm.NFC.String(s)
	}
	for _, r := range s {
		dst = utf8.AppendRune(dst, caseOf(r, keepCase))
	}
	return dst
}

func caseOf(r rune, keep bool) rune {
	if keep {
		return r
	}
	return unicode.ToLower(r)
}

// Hashing: FNV-1a over bytes, finished by a mix that spreads the bits. Hashes are part of the model file.
const (
	hashStart = 0xcbf29ce484222325
	hashPrime = 0x100000001b3
)

func hashBytes(h uint64, s []byte) uint64 {
	for _, c := range s {
		h = (h ^ uint64(c)) * hashPrime
	}
	return h
}

// mixHash finishes a hash; 0 is kept free to mark empty places of a table.
func mixHash(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	if h == 0 {
		return 1
	}
	return h
}

// joinHash combines the hashes of words in order.
func joinHash(a, b uint64) uint64 { return mixHash(bits.RotateLeft64(a, 23) ^ b*hashPrime) }

// features appends the hashes of a block's features in a text, repeated as often as they occur. known, when not nil,
// tells whether a word is in the vocabulary: the others become OOVToken.
func (b *block) features(x *lexer, m *message, seed uint64, known func(key uint64) bool) []uint64 {
	x.prepare(m, b)
	x.keys = x.keys[:0]
	switch b.Analyzer {
	case "word":
		b.wordFeatures(x, seed, known)
	case "char":
		x.padded = x.padded[:0]
		start := 0
		for i, end := range x.ends {
			if i > 0 {
				x.padded = append(x.padded, ' ')
			}
			x.padded = append(x.padded, x.text[start:end]...)
			start = end
		}
		b.characters(x, seed, false)
	case "char_wb":
		start := 0
		for _, end := range x.ends {
			word := x.text[start:end]
			start = end
			for len(word) > 0 { // a token that is a whole text may hold white space
				cut := slices.IndexFunc(word, func(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' })
				piece := word
				if cut >= 0 {
					piece, word = word[:cut], word[cut+1:]
				} else {
					word = nil
				}
				if len(piece) == 0 {
					continue
				}
				x.padded = append(append(append(x.padded[:0], ' '), piece...), ' ')
				b.characters(x, seed, true)
			}
		}
	}
	return x.keys
}

// characters adds the n-grams of x.padded. Of a word that is shorter than Min, whole adds the word itself.
func (b *block) characters(x *lexer, seed uint64, whole bool) {
	x.runes = x.runes[:0]
	for i := 0; i < len(x.padded); {
		x.runes = append(x.runes, i)
		if x.padded[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, n := utf8.DecodeRune(x.padded[i:])
		i += n
	}
	length := len(x.runes)
	x.runes = append(x.runes, len(x.padded))
	if length < b.Min {
		if whole {
			x.keys = append(x.keys, mixHash(hashBytes(hashStart^seed, x.padded)))
		}
		return
	}
	for i := range length {
		h := uint64(hashStart) ^ seed
		for n := 1; n <= b.Max && i+n <= length; n++ {
			h = hashBytes(h, x.padded[x.runes[i+n-1]:x.runes[i+n]])
			if n >= b.Min {
				x.keys = append(x.keys, mixHash(h))
			}
		}
	}
}

// wordFeatures adds the n-grams of words: runs of letters, numbers and underscores; numbers count as one word.
func (b *block) wordFeatures(x *lexer, seed uint64, known func(uint64) bool) {
	x.words = x.words[:0]
	start := 0
	for _, end := range x.ends {
		token := x.text[start:end]
		start = end
		for i := 0; i < len(token); {
			from, digits := i, true
			for i < len(token) {
				r, n := rune(token[i]), 1
				if r >= utf8.RuneSelf {
					r, n = utf8.DecodeRune(token[i:])
				}
				if !regexWord(r) {
					break
				}
				digits = digits && asciiDigit(r)
				i += n
			}
			if i == from {
				_, n := utf8.DecodeRune(token[i:])
				i += n
				continue
			}
			word := token[from:i]
			if digits {
				word = numberWord()
			}
			if b.StopWords != nil && slices.Contains(b.StopWords, string(word)) {
				continue
			}
			if b.OOVToken != "" {
				if known == nil {
					if slices.Contains(b.OOVWords, string(word)) {
						word = []byte(b.OOVToken)
					}
				} else if !known(mixHash(hashBytes(hashStart^seed, word))) {
					word = []byte(b.OOVToken)
				}
			}
			x.words = append(x.words, mixHash(hashBytes(hashStart^seed, word)))
		}
	}
	for i := range x.words {
		h := x.words[i]
		for n := 1; n <= b.Max && i+n <= len(x.words); n++ {
			if n > 1 {
				h = joinHash(h, x.words[i+n-1])
			}
			if n >= b.Min {
				x.keys = append(x.keys, h)
			}
		}
	}
}

func numberWord() []byte { return []byte("__number__") }
