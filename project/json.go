package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// parseJSON reads one JSON document into nodes, with their lines. Duplicate keys: the last counts, as in Python. The error
// is a *Problem.
func parseJSON(src *source, data []byte) (*node, error) {
	p := &jsonParser{src: src, data: data, dec: json.NewDecoder(bytes.NewReader(data)), line: 1}
	p.dec.UseNumber()
	n, err := p.value(0)
	if err == nil {
		if _, extra := p.dec.Token(); !errors.Is(extra, io.EOF) {
			err = errors.New("there is something behind the end of the document")
		}
	}
	if err != nil {
		p.advance()
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			p.line, p.offset = 1, 0
			p.advanceTo(int(syntax.Offset))
		}
		return nil, &Problem{
			File: src.name, Line: p.line, Severity: SeverityError, Class: classValue, Code: "bad-json",
			Message: "not JSON: " + strings.TrimPrefix(err.Error(), "json: "),
		}
	}
	return n, nil
}

type jsonParser struct {
	src    *source
	data   []byte
	dec    *json.Decoder
	line   int
	offset int
}

// advance moves the line to where the decoder is.
func (p *jsonParser) advance() { p.advanceTo(int(p.dec.InputOffset())) }

func (p *jsonParser) advanceTo(offset int) {
	offset = min(offset, len(p.data))
	if offset > p.offset {
		p.line += bytes.Count(p.data[p.offset:offset], []byte("\n"))
		p.offset = offset
	}
}

func (p *jsonParser) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	token, err := p.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the document ends too early")
		}
		return nil, err
	}
	p.advance()
	n := &node{src: p.src, line: int32(p.line)} //nolint:gosec // files are bounded
	switch t := token.(type) {
	case nil:
		n.kind = kindNull
	case bool:
		n.kind = kindBool
		if t {
			n.num = 1
		}
	case string:
		n.kind, n.str = kindString, t
	case json.Number:
		jsonNumberNode(n, t.String())
	case json.Delim:
		return n, p.collection(n, t, depth)
	}
	return n, nil
}

func (p *jsonParser) collection(n *node, open json.Delim, depth int) error {
	n.kind = kindList
	if open == '{' {
		n.kind = kindMap
	}
	index := map[string]int{}
	for p.dec.More() {
		if open == '[' {
			item, err := p.value(depth + 1)
			if err != nil {
				return err
			}
			n.kids = append(n.kids, item)
			continue
		}
		key, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		if i, ok := index[key.str]; ok {
			n.kids[i+1] = value
			continue
		}
		index[key.str] = len(n.kids)
		n.kids = append(n.kids, key, value)
	}
	_, err := p.dec.Token()
	if errors.Is(err, io.EOF) {
		err = errors.New("the document ends too early")
	}
	return err
}

// jsonNumberNode types a JSON number: whole numbers without a fraction are ints.
func jsonNumberNode(n *node, s string) {
	if !strings.ContainsAny(s, ".eE") {
		n.kind = kindInt
		if v, err := strconv.ParseInt(s, 10, 64); err == nil {
			n.num = uint64(v) //nolint:gosec // bits
			return
		}
		f, _ := strconv.ParseFloat(s, 64)
		n.str, n.num = bigInt, math.Float64bits(f)
		return
	}
	f, _ := strconv.ParseFloat(s, 64)
	n.kind, n.num = kindFloat, math.Float64bits(f)
}
