package trackerstore

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"parley/dialogue"
)

// appendRasaJSON appends valid JSON as Python's json module writes it, which Rasa's stores use: ", " and ": " between values,
// everything but ASCII escaped. The order of keys and the form of numbers stay. What Python has written comes out as it went in.
func appendRasaJSON(dst, data []byte) []byte {
	for i := 0; i < len(data); {
		switch c := data[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
		case ',', ':':
			dst = append(dst, c, ' ')
			i++
		case '"':
			dst, i = appendRasaString(dst, data, i)
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// appendRasaString appends the string that begins at data[i], and returns where it ends.
func appendRasaString(dst, data []byte, i int) (out []byte, end int) {
	dst = append(dst, '"')
	for i++; i < len(data); {
		switch c := data[i]; {
		case c == '"':
			return append(dst, '"'), i + 1
		case c == '\\' && i+1 < len(data):
			if c = data[i+1]; c != 'u' || i+6 > len(data) {
				dst = appendRasaEscape(dst, c)
				i += 2
				continue
			}
			r, err := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
			if err != nil {
				r = utf8.RuneError
			}
			dst = appendRasaRune(dst, rune(r)) // half of a pair stays one, also alone
			i += 6
		default:
			r, n := utf8.DecodeRune(data[i:])
			dst = appendRasaRune(dst, r)
			i += n
		}
	}
	return append(dst, '"'), i
}

// appendRasaEscape appends the character that stands behind a backslash in JSON.
func appendRasaEscape(dst []byte, c byte) []byte {
	if c == '/' {
		return append(dst, c)
	}
	return append(dst, '\\', c)
}

func appendRasaRune(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case ' ' <= r && r <= '~':
		return append(dst, byte(r))
	case r == '\b':
		return append(dst, `\b`...)
	case r == '\f':
		return append(dst, `\f`...)
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		return appendRasaRune(appendRasaRune(dst, high), low)
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// rasaRecord is the record of a conversation as Rasa's tracker store writes it, made of lists of events in JSON.
func rasaRecord(senderID string, lists [][]byte) []byte {
	dst := []byte(`{"events": [`)
	first := true
	for _, list := range lists {
		inner := list[1 : len(list)-1]
		if len(inner) == 0 {
			continue
		}
		if !first {
			dst = append(dst, ", "...)
		}
		dst, first = appendRasaJSON(dst, inner), false
	}
	dst = append(dst, `], "name": `...)
	dst = appendRasaJSON(dst, dialogue.AppendString(nil, senderID))
	return append(dst, '}')
}
