package segment

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the dictionary
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"sync"
)

//go:embed jieba.bin.gz
var packed []byte

// dictionary is what jieba knows: words with their frequencies, and the model of unknown words.
type dictionary struct {
	letters []byte   // the words in the order of their bytes, one after another
	starts  []uint32 // of each word in letters, and the end
	freqs   []uint32
	total   int
	emit    [states]map[rune]float64 // logarithms
}

// standard is the dictionary of this package.
var standard = sync.OnceValues(func() (*dictionary, error) {
	d, err := unpack(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack the Chinese dictionary: %w", err)
	}
	return d, nil
})

var errDictionary = errors.New("segment: bytes do not make sense")

// unpack reads what generate.py wrote.
func unpack(data []byte) (*dictionary, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	r := reader{data: plain}
	d := &dictionary{total: r.number()}
	n := r.number()
	lengths := make([][2]int, n)
	size, letters := 0, 0
	for i := range lengths {
		shared, more := r.number(), r.number()
		lengths[i] = [2]int{shared, more}
		size += shared + more
		letters += more
	}
	suffixes := r.bytes(letters)
	d.letters, d.starts = make([]byte, 0, size), make([]uint32, 1, n+1)
	before := 0
	for _, l := range lengths {
		at := len(d.letters)
		d.letters = append(d.letters, d.letters[before:before+l[0]]...)
		d.letters = append(d.letters, suffixes[:l[1]]...)
		suffixes, before = suffixes[l[1]:], at
		d.starts = append(d.starts, uint32(len(d.letters)))
	}
	d.freqs = make([]uint32, n)
	for i := range d.freqs {
		d.freqs[i] = uint32(r.number())
	}
	for s := range d.emit {
		chars := make([]rune, r.number())
		last := 0
		for i := range chars {
			last += r.number()
			chars[i] = rune(last)
		}
		d.emit[s] = make(map[rune]float64, len(chars))
		for _, c := range chars {
			d.emit[s][c] = math.Float64frombits(binary.LittleEndian.Uint64(r.bytes(8)))
		}
	}
	if r.failed || len(r.data) > 0 {
		return nil, errDictionary
	}
	return d, nil
}

// reader takes numbers off bytes. Our own bytes, checked by their gzip sum, so one look at the end is enough.
type reader struct {
	data   []byte
	failed bool
}

func (r *reader) number() int {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.failed = true
		return 0
	}
	r.data = r.data[n:]
	return int(v)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.data) {
		r.failed = true
		return make([]byte, n)
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

// words are the words from one number to below another: those that begin with the same characters.
type words struct{ from, to int }

// all are all words.
func (d *dictionary) all() words { return words{0, len(d.freqs)} }

func (d *dictionary) word(i int) []byte { return d.letters[d.starts[i]:d.starts[i+1]] }

// narrow keeps the words that go on with a character, of which the first depth bytes are looked at already.
func (d *dictionary) narrow(w words, depth int, char string) words {
	from := w.from + sort.Search(w.to-w.from, func(i int) bool {
		return string(d.rest(w.from+i, depth)) >= char
	})
	to := from + sort.Search(w.to-from, func(i int) bool {
		rest := d.rest(from+i, depth)
		return string(rest[:min(len(rest), len(char))]) > char
	})
	return words{from, to}
}

func (d *dictionary) rest(i, depth int) []byte { return d.word(i)[depth:] }

// freq is the frequency of the word of a length, in bytes, that others begin with; 0 if it is none.
func (d *dictionary) freq(w words, length int) int {
	if w.from < w.to && len(d.word(w.from)) == length {
		return int(d.freqs[w.from])
	}
	return 0
}
