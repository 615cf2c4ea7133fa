package evaluate

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// picture is an SVG that is being drawn.
type picture struct{ b strings.Builder }

func newPicture(width, height int, title string) *picture {
	p := &picture{}
	fmt.Fprintf(&p.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&p.b, `<title>%s</title>`+"\n"+`<rect width="100%%" height="100%%" fill="#ffffff"/>`+"\n", escapeXML(title))
	p.text(float64(width)/2, 24, 16, "middle", "#000000", title)
	return p
}

func (p *picture) rect(x, y, width, height float64, fill string) {
	fmt.Fprintf(&p.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" stroke="#ffffff" stroke-width="0.5"/>`+"\n", x, y, width, height, fill)
}

func (p *picture) text(x, y float64, size int, anchor, fill, s string) {
	fmt.Fprintf(&p.b, `<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, size, anchor, fill, escapeXML(s))
}

func (p *picture) upright(x, y float64, size int, anchor, s string) {
	fmt.Fprintf(&p.b, `<text transform="translate(%.1f,%.1f) rotate(-90)" font-size="%d" text-anchor="%s">%s</text>`+"\n", x, y, size, anchor, escapeXML(s))
}

func (p *picture) bytes() []byte { return []byte(p.b.String() + "</svg>\n") }

// escapeXML is a text as it may stand in an XML document: without control characters.
func escapeXML(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF {
			return ' '
		}
		return r
	}, s)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// shorten is a label as pictures show it: cut when it is too long, and not empty.
func shorten(s string) string {
	if s == "" {
		return "(none)"
	}
	if r := []rune(s); len(r) > 40 {
		return string(r[:39]) + "…"
	}
	return s
}

// confusionSVG draws a confusion matrix: targets from top to bottom, predictions from left to right, the darker the more.
func confusionSVG(title string, c *Confusion) []byte {
	n, longest, most := len(c.Labels), 0, 1
	for i, l := range c.Labels {
		longest = max(longest, utf8.RuneCountInString(shorten(l)))
		for _, count := range c.Counts[i] {
			most = max(most, count)
		}
	}
	cell := min(max(1200/max(n, 1), 14), 48)
	margin := 62 + 7*longest
	width, height := max(margin+n*cell+24, 420), margin+n*cell+24
	p := newPicture(width, height, title)
	p.text(float64(margin+n*cell/2), 44, 13, "middle", "#000000", "predicted")
	p.upright(18, float64(margin+n*cell/2), 13, "middle", "target")
	size := min(12, cell-2)
	for i, l := range c.Labels {
		y := float64(margin + i*cell)
		p.text(float64(margin-6), y+float64(cell)/2+4, size, "end", "#000000", shorten(l))
		p.upright(float64(margin+i*cell+cell/2+4), float64(margin-6), size, "start", shorten(l))
		for j, count := range c.Counts[i] {
			x := float64(margin + j*cell)
			shade := 0.0
			if count > 0 {
				shade = 0.15 + 0.85*math.Log1p(float64(count))/math.Log1p(float64(most))
			}
			p.rect(x, y, float64(cell), float64(cell), blue(shade))
			if count > 0 {
				ink := "#000000"
				if shade > 0.6 {
					ink = "#ffffff"
				}
				p.text(x+float64(cell)/2, y+float64(cell)/2+4, size, "middle", ink, fmt.Sprint(count))
			}
		}
	}
	return p.bytes()
}

// blue is a shade of blue, from almost white (0) to dark (1).
func blue(shade float64) string {
	mix := func(light, dark float64) int { return int(math.Round(light + (dark-light)*shade)) }
	return fmt.Sprintf("#%02x%02x%02x", mix(247, 8), mix(251, 48), mix(255, 107))
}

// bins is how many bars a histogram has for confidences from 0 to 1.
const bins = 25

// histogram counts confidences.
type histogram struct{ correct, wrong [bins]int }

func newHistogram(correct, wrong []float64) *histogram {
	h := &histogram{}
	for _, c := range correct {
		h.correct[bin(c)]++
	}
	for _, c := range wrong {
		h.wrong[bin(c)]++
	}
	return h
}

func bin(confidence float64) int { return min(max(int(confidence*bins), 0), bins-1) }

func (h *histogram) object() object {
	edges, correct, wrong := make([]any, bins+1), make([]any, bins), make([]any, bins)
	for i := range edges {
		edges[i] = float64(i) / bins
	}
	for i := range bins {
		correct[i], wrong[i] = h.correct[i], h.wrong[i]
	}
	return object{{"bins", edges}, {"correct", correct}, {"wrong", wrong}}
}

// svg draws the histogram: right predictions to the left, wrong ones to the right, the surest on top.
func (h *histogram) svg(title string) []byte {
	const (
		bar, half, top, axis = 16, 300, 70, 60
		width, height        = 2*half + axis + 60, top + bins*bar + 50
	)
	p := newPicture(width, height, title)
	left, right := 30.0+half, 30.0+half+axis
	p.text(left-half/2, 54, 13, "middle", "#009292", "correct")
	p.text(right+half/2, 54, 13, "middle", "#920000", "wrong")
	mostCorrect, mostWrong := 1, 1
	for i := range bins {
		mostCorrect, mostWrong = max(mostCorrect, h.correct[i]), max(mostWrong, h.wrong[i])
	}
	for i := range bins {
		y := float64(top + (bins-1-i)*bar)
		p.text(left+axis/2, y+12, 10, "middle", "#000000", fmt.Sprintf("%.2f", float64(i)/bins))
		if n := h.correct[i]; n > 0 {
			w := 0.85 * half * float64(n) / float64(mostCorrect)
			p.rect(left-w, y, w, bar, "#009292")
			p.text(left-w-4, y+12, 10, "end", "#000000", fmt.Sprint(n))
		}
		if n := h.wrong[i]; n > 0 {
			w := 0.85 * half * float64(n) / float64(mostWrong)
			p.rect(right, y, w, bar, "#920000")
			p.text(right+w+4, y+12, 10, "start", "#000000", fmt.Sprint(n))
		}
	}
	p.text(width/2, height-18, 12, "middle", "#000000", "number of predictions, by confidence")
	return p.bytes()
}
