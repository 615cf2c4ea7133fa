package project

import (
	"bytes"
	"strconv"
	"unicode/utf16"
)

// unescapeASCII decodes \uXXXX and \UXXXXXXXX in a file that is all ASCII, in any quoting style and even in comments, as
// the reference does before it parses (conformance/loader case 015). An escape counts when the run of backslashes before
// its u is odd. The reference dies of a malformed escape such as C:\users; here it stays as written.
func unescapeASCII(data []byte) []byte {
	if !bytes.Contains(data, []byte(`\u`)) && !bytes.Contains(data, []byte(`\U`)) {
		return data
	}
	for _, b := range data {
		if b >= 0x80 {
			return data
		}
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		if data[i] != '\\' {
			out = append(out, data[i])
			i++
			continue
		}
		run := i
		for run < len(data) && data[run] == '\\' {
			run++
		}
		if (run-i)%2 == 0 {
			out = append(out, data[i:run]...)
			i = run
			continue
		}
		out = append(out, data[i:run-1]...)
		i = run - 1
		r, size := decodeEscape(data[i:])
		if size == 0 {
			out = append(out, '\\')
			i++
			continue
		}
		if utf16.IsSurrogate(r) {
			low, lowSize := decodeEscape(data[i+size:])
			joined := utf16.DecodeRune(r, low)
			if lowSize == 0 || joined == '\uFFFD' {
				out = append(out, data[i:i+size]...)
				i += size
				continue
			}
			r, size = joined, size+lowSize
		}
		out = append(out, string(r)...)
		i += size
	}
	return out
}

// decodeEscape reads one \uXXXX or \UXXXXXXXX; size is 0 when there is none.
func decodeEscape(data []byte) (r rune, size int) {
	if len(data) < 2 || data[0] != '\\' {
		return 0, 0
	}
	switch data[1] {
	case 'u':
		size = 6
	case 'U':
		size = 10
	default:
		return 0, 0
	}
	if len(data) < size {
		return 0, 0
	}
	v, err := strconv.ParseUint(string(data[2:size]), 16, 32)
	if err != nil || v > 0x10FFFF {
		return 0, 0
	}
	return rune(v), size
}
