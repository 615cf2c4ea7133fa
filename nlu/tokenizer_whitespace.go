package nlu

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenizerOptions are the options that every tokenizer has.
type tokenizerOptions struct {
	pattern *pattern // token_pattern; nil: none
}

func decodeTokenizerOptions(o *options) tokenizerOptions {
	// How names of intents and actions are cut matters to Rasa's label features only.
	o.boolean("intent_tokenization_flag", false)
	o.text("intent_split_symbol", "_")
	o.text("prefix_separator_symbol", "")
	o.without("case_sensitive") // Rasa 1.x
	var t tokenizerOptions
	if source := o.text("token_pattern", ""); source != "" {
		p, err := compilePattern(source, false)
		switch {
		case err != nil:
			o.fail("token_pattern", "%v", err)
		case p.groups > 1:
			o.fail("token_pattern", "%q has more than one group that captures: write (?:…)", source)
		}
		t.pattern = p
	}
	return t
}

// split applies token_pattern: every match inside a token becomes a token, a token without a match stays. With a group in the
// pattern it is what the group holds, at the first place behind the last token where that is found.
func (o *tokenizerOptions) split(m *message) {
	if o.pattern == nil {
		return
	}
	var out []token
	for _, t := range m.tokens {
		before := len(out)
		word, last := m.word(t), 0
		o.pattern.findGroup(word, o.pattern.groups, func(start, end int) {
			if end == start {
				return
			}
			if at := strings.Index(word[last:], word[start:end]); at >= 0 {
				start, end = last+at, last+at+end-start
			}
			last = end
			out = append(out, token{t.start + start, t.start + end})
		})
		if len(out) == before {
			out = append(out, t)
		}
	}
	m.tokens = append(m.tokens[:0], out...)
}

// whitespaceTokenizer cuts at white space and drops the punctuation around words, as Rasa's WhitespaceTokenizer does.
type whitespaceTokenizer struct {
	tokenizerOptions
	// letters keeps words of Chinese characters, Kana or Hangul. Rasa's test for emoji covers U+24C2–U+1F251 and so drops
	// them; only Korean projects can meet that, and for them we do not copy it.
	letters bool
}

func newWhitespaceTokenizer(o *options) component {
	return &whitespaceTokenizer{tokenizerOptions: decodeTokenizerOptions(o)}
}

func (w *whitespaceTokenizer) setLanguage(language string) { w.letters = language == "ko" }

func (w *whitespaceTokenizer) process(_ context.Context, m *message) error {
	m.tokens, m.tokenized = whitespaceTokens(m.tokens[:0], m.text, w.letters), true
	w.split(m)
	return nil
}

// whitespaceTokens appends the tokens of a text. Rasa (3.6.21, whitespace_tokenizer.py) replaces by a space, left to right, what
// matches one of three patterns, splits at white space, drops words that are nothing but emoji, and takes the whole text
// if nothing is left. Here the patterns are read off by hand, on the original text, so that offsets come for free:
// a) [^\w#@&]+ before white space or the end; b) white space or the start, then [^\w#@&]+ before what is neither digit nor
// white space; c) between two that are neither digit nor white space, [^\w._~:/?#\[\]()@!$&*+,;=-]+.
func whitespaceTokens(dst []token, text string, letters bool) []token {
	before := len(dst)
	start := -1 // of the word that is open
	last := 0   // end of the last token
	flush := func(end int) {
		if start >= 0 {
			if letters || !allEmoji(text[start:end]) {
				t := token{start, end}
				if n := end - start; start-last >= n { // Rasa looks for the word behind the last one, and may find it too early
					t.start = last + strings.Index(text[last:end], text[start:end])
					t.end = t.start + n
				}
				dst = append(dst, t)
				last = t.end
			}
			start = -1
		}
	}
	previous := rune(-1) // the rune before i
	for i := 0; i < len(text); {
		r, size := decodeRune(text[i:])
		if c := text[i]; c < utf8.RuneSelf && wordByte(c) { // the common case: no pattern begins with a word character
			if start < 0 {
				start = i
			}
			previous, i = r, i+1
			continue
		}
		if end := cutLength(text, i, previous); end > i {
			flush(i)
			previous, _ = utf8.DecodeLastRuneInString(text[i:end])
			i = end
			continue
		}
		if pythonSpace(r) {
			flush(i)
		} else if start < 0 {
			start = i
		}
		previous, i = r, i+size
	}
	flush(len(text))
	if len(dst) == before {
		dst = append(dst, token{0, len(text)})
	}
	return dst
}

// cutLength gives the end of what one of the three patterns matches at i, or i.
func cutLength(text string, i int, previous rune) int {
	r, size := decodeRune(text[i:])
	if outer(r) {
		// a) the longest run that ends before white space or at the end
		end, last := i, i
		for end < len(text) {
			q, n := decodeRune(text[end:])
			if !outer(q) {
				break
			}
			if end > i && regexSpace(q) {
				last = end
			}
			end += n
		}
		if end == len(text) {
			return end
		}
		if last > i {
			return last
		}
		// b) the longest run after white space (or at the start) whose next is neither digit nor white space
		if regexSpace(r) || i == 0 {
			from := i
			if regexSpace(r) {
				from += size
			}
			if stop := longestBefore(text, from, outer); stop > from {
				return stop
			}
			if i == 0 && from != i { // the start itself, if the white space was needed for the run
				if stop := longestBefore(text, i, outer); stop > i {
					return stop
				}
			}
		}
	}
	if previous >= 0 && !asciiDigit(previous) && !regexSpace(previous) && inner(r) {
		if stop := longestBefore(text, i, inner); stop > i {
			return stop
		}
	}
	return i
}

// longestBefore gives the end of the longest run of a class from i whose next rune exists and is neither digit nor white space.
func longestBefore(text string, i int, class func(rune) bool) int {
	best := i
	for at := i; at < len(text); {
		r, size := decodeRune(text[at:])
		if at > i && !asciiDigit(r) && !regexSpace(r) {
			best = at
		}
		if !class(r) {
			break
		}
		at += size
	}
	return best
}

// outer is [^\w#@&].
func outer(r rune) bool {
	if r < utf8.RuneSelf {
		return !wordByte(byte(r)) && r != '#' && r != '@' && r != '&'
	}
	return !regexWord(r)
}

// inner is [^\w._~:/?#\[\]()@!$&*+,;=-].
func inner(r rune) bool {
	if r < utf8.RuneSelf {
		return !wordByte(byte(r)) && !strings.ContainsRune("._~:/?#[]()@!$&*+,;=-", r)
	}
	return !regexWord(r)
}

func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

func asciiDigit(r rune) bool { return '0' <= r && r <= '9' }

// regexWord is \w of Python's regex module: alphabetic, marks, decimal digits, connectors, and the two joiners.
func regexWord(r rune) bool {
	if r < utf8.RuneSelf {
		return wordByte(byte(r))
	}
	return unicode.IsLetter(r) || unicode.In(r, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic) || r == 0x200c || r == 0x200d
}

// pythonWord is \w of Python's re module: letters, numbers and the underscore.
func pythonWord(r rune) bool {
	if r < utf8.RuneSelf {
		return wordByte(byte(r))
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

// regexSpace is \s of Python's regex module.
func regexSpace(r rune) bool { return unicode.IsSpace(r) }

// pythonSpace is what str.split of Python splits at.
func pythonSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// allEmoji reports whether a word consists of what Rasa takes for emoji.
func allEmoji(word string) bool {
	if word[0] < utf8.RuneSelf {
		return false
	}
	for _, r := range word {
		switch {
		case 0x1f600 <= r && r <= 0x1f64f, 0x1f300 <= r && r <= 0x1f5ff, 0x1f680 <= r && r <= 0x1f6ff, 0x1f1e0 <= r && r <= 0x1f1ff,
			0x2702 <= r && r <= 0x27b0, 0x24c2 <= r && r <= 0x1f251, r == 0x200c, r == 0x200d:
		default:
			return false
		}
	}
	return true
}

// decodeRune is utf8.DecodeRuneInString with a short way for ASCII.
func decodeRune(s string) (rune, int) {
	if c := s[0]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(s)
}
