package segment

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cutter cuts texts. It is safe for concurrent use once all words are added.
type Cutter struct {
	base  *dictionary
	own   map[string]int // words of the user and their frequencies; 0 also for what is only the beginning of one
	total int
	split map[string]bool // words that are to be cut into characters
}

// New makes a cutter with jieba's dictionary.
func New() (*Cutter, error) {
	d, err := standard()
	if err != nil {
		return nil, err
	}
	return &Cutter{base: d, own: map[string]int{}, total: d.total, split: map[string]bool{}}, nil
}

// userWord is a line of a dictionary of jieba: a word, how often it occurs, its kind.
var userWord = regexp.MustCompile(`^(.+?)( [0-9]+)?( [a-z]+)?$`)

// maxFrequency bounds the frequency of a user's word.
const maxFrequency = 1 << 40

// AddLine adds a word of a line of a user's dictionary: the word, and if wanted its frequency and its kind, which does not matter.
// Without a frequency the word gets one that makes a word of it; 0 means that it is to be cut. Empty lines add nothing.
func (c *Cutter) AddLine(line string) error {
	line = strings.TrimLeft(strings.Trim(line, " \t\n\v\f\r"), "\ufeff")
	if line == "" {
		return nil
	}
	if !utf8.ValidString(line) {
		return fmt.Errorf("segment: %q is not UTF-8", line)
	}
	parts := userWord.FindStringSubmatch(line)
	if parts == nil {
		return fmt.Errorf("segment: %q is no word", line)
	}
	freq := 0
	if parts[2] == "" {
		freq = c.suggest(parts[1])
	} else {
		n, err := strconv.ParseInt(parts[2][1:], 10, 64)
		if err != nil || n > maxFrequency {
			return fmt.Errorf("segment: the frequency of %q is above %d", parts[1], maxFrequency)
		}
		freq = int(n)
	}
	c.add(parts[1], freq)
	return nil
}

func (c *Cutter) add(word string, freq int) {
	c.own[word] = freq
	c.total += freq
	for i := range word {
		if i > 0 {
			if _, known := c.lookup(word[:i]); !known {
				c.own[word[:i]] = 0
			}
		}
	}
	if freq == 0 {
		c.split[word] = true
	}
}

// suggest is the frequency that makes a word of one that jieba would cut.
func (c *Cutter) suggest(word string) int {
	freq := 1.0
	for _, piece := range c.cut(nil, word, false) {
		f, known := c.lookup(piece)
		if !known {
			f = 1
		}
		freq *= float64(f) / float64(c.total)
	}
	now, known := c.lookup(word)
	if !known {
		now = 1
	}
	return max(int(freq*float64(c.total))+1, now)
}

// lookup gives the frequency of a word, 0 when it is only the beginning of words; known says that it is either.
func (c *Cutter) lookup(word string) (freq int, known bool) {
	if f, ok := c.own[word]; ok {
		return f, true
	}
	w := c.base.narrow(c.base.all(), 0, word)
	return c.base.freq(w, len(word)), w.from < w.to
}

// Cut appends the words of a text to dst. Together they are the text: white space and punctuation are words, too.
func (c *Cutter) Cut(dst []string, text string) []string { return c.cut(dst, text, true) }

func (c *Cutter) cut(dst []string, text string, unknown bool) []string {
	for i := 0; i < len(text); {
		if end := i + runOf(text[i:], wordChar); end > i {
			dst = c.block(dst, text[i:end], unknown)
			i = end
			continue
		}
		n := 2
		if !strings.HasPrefix(text[i:], "\r\n") {
			_, n = utf8.DecodeRuneInString(text[i:])
		}
		dst = append(dst, text[i:i+n])
		i += n
	}
	return dst
}

// block cuts a run of characters that words consist of.
func (c *Cutter) block(dst []string, text string, unknown bool) []string {
	chars, next := c.route(text)
	loose := 0 // where a run of single characters begins
	single := func(i int) bool {
		return next[i] == i+1 && (unknown || chars[i+1]-chars[i] == 1 && alphanumeric(rune(text[chars[i]])))
	}
	for i := 0; i < len(next); {
		if single(i) {
			i++
			continue
		}
		dst = c.loose(dst, text[chars[loose]:chars[i]], unknown)
		dst = append(dst, text[chars[i]:chars[next[i]]])
		i = next[i]
		loose = i
	}
	return c.loose(dst, text[chars[loose]:], unknown)
}

// route finds the most likely words: next of a character is the end of the word that begins there. chars are the places of
// the characters, and the end.
func (c *Cutter) route(text string) (chars, next []int) {
	for i := range text {
		chars = append(chars, i)
	}
	n := len(chars)
	chars = append(chars, len(text))
	next = make([]int, n)
	score := make([]float64, n+1)
	logTotal := math.Log(float64(c.total))
	for i := n - 1; i >= 0; i-- {
		found := false
		consider := func(end, freq int) {
			s := math.Log(float64(max(freq, 1))) - logTotal + score[end]
			if !found || s >= score[i] {
				found, score[i], next[i] = true, s, end
			}
		}
		w := c.base.all()
		for end := i + 1; end <= n; end++ {
			w = c.base.narrow(w, chars[end-1]-chars[i], text[chars[end-1]:chars[end]])
			freq := c.base.freq(w, chars[end]-chars[i])
			known := w.from < w.to
			if len(c.own) > 0 {
				if f, ok := c.own[text[chars[i]:chars[end]]]; ok {
					freq, known = f, true
				}
			}
			if !known {
				break
			}
			if freq > 0 {
				consider(end, freq)
			}
		}
		if !found {
			freq, _ := c.lookup(text[chars[i]:chars[i+1]])
			consider(i+1, freq)
		}
	}
	return chars, next
}

// loose cuts what the dictionary leaves as single characters.
func (c *Cutter) loose(dst []string, text string, unknown bool) []string {
	if text == "" {
		return dst
	}
	if !unknown || utf8.RuneCountInString(text) == 1 {
		return append(dst, text)
	}
	if freq, _ := c.lookup(text); freq > 0 {
		return append(dst, strings.Split(text, "")...)
	}
	for i := 0; i < len(text); {
		if end := i + runOf(text[i:], han); end > i {
			from := len(dst)
			dst = c.base.guess(dst, text[i:end])
			dst = c.force(dst, from)
			i = end
			continue
		}
		from := i
		for i < len(text) && alphanumeric(rune(text[i])) {
			i++
		}
		if i == from { // what is neither
			i += runOf(text[i:], func(r rune) bool { return !han(r) && !alphanumeric(r) })
		} else {
			if n := runOf(text[min(i+1, len(text)):], unicode.IsDigit); n > 0 && text[i] == '.' {
				i += 1 + n
			}
			if i < len(text) && text[i] == '%' {
				i++
			}
		}
		dst = append(dst, text[from:i])
	}
	return dst
}

// force cuts those of the words from a number on that are to be cut.
func (c *Cutter) force(dst []string, from int) []string {
	if len(c.split) == 0 {
		return dst
	}
	words := append([]string(nil), dst[from:]...)
	dst = dst[:from]
	for _, w := range words {
		if c.split[w] {
			dst = append(dst, strings.Split(w, "")...)
		} else {
			dst = append(dst, w)
		}
	}
	return dst
}

// runOf is the length of the run of a class that a text begins with.
func runOf(text string, class func(rune) bool) int {
	for i, r := range text {
		if !class(r) {
			return i
		}
	}
	return len(text)
}

func han(r rune) bool { return 0x4e00 <= r && r <= 0x9fd5 }

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

func wordChar(r rune) bool {
	return han(r) || alphanumeric(r) || r < utf8.RuneSelf && strings.ContainsRune("+#&._%-", r)
}
