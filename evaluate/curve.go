package evaluate

import (
	"fmt"
	"math"
)

// curve is a line of a graph: the mean of several runs at each point, with their deviation.
type curve struct {
	name string
	runs [][]float64 // by run, then by point
}

// curveSVG draws curves over the same points.
func curveSVG(title, xLabel, yLabel string, x []int, curves []curve) []byte {
	const width, height, left, right, top, bottom = 760, 480, 80, 40, 50, 70
	p := newPicture(width, height, title)
	low, high, most := math.Inf(1), math.Inf(-1), 0.0
	for _, v := range x {
		low, high = min(low, float64(v)), max(high, float64(v))
	}
	if low == high || len(x) == 0 {
		low, high = low-1, high+1
	}
	points := make([][]Metric, len(curves))
	for i, c := range curves {
		points[i] = make([]Metric, len(x))
		for _, run := range c.runs {
			for j := range min(len(run), len(x)) {
				points[i][j] = append(points[i][j], run[j])
				most = max(most, run[j])
			}
		}
	}
	if most == 0 {
		most = 1
	}
	most *= 1.05
	px := func(v int) float64 { return left + (width-left-right)*(float64(v)-low)/(high-low) }
	py := func(v float64) float64 { return height - bottom - (height-top-bottom)*v/most }
	line := func(x1, y1, x2, y2 float64, colour string, thick float64) {
		fmt.Fprintf(&p.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>`+"\n", x1, y1, x2, y2, colour, thick)
	}
	line(left, top, left, height-bottom, "#000000", 1)
	line(left, height-bottom, width-right, height-bottom, "#000000", 1)
	for i := range 6 {
		v := most * float64(i) / 5
		p.text(left-6, py(v)+4, 11, "end", "#000000", fmt.Sprintf("%.3g", v))
		line(left, py(v), width-right, py(v), "#dddddd", 0.5)
	}
	for _, v := range x {
		p.text(px(v), height-bottom+18, 11, "middle", "#000000", fmt.Sprint(v))
	}
	p.text((left+width-right)/2, height-24, 13, "middle", "#000000", xLabel)
	p.upright(24, (top+height-bottom)/2, 13, "middle", yLabel)
	colours := []string{"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"}
	for i, c := range curves {
		colour := colours[i%len(colours)]
		var lastX, lastY float64 // of the point before, if there is one
		drawn := false
		for j, m := range points[i] {
			if len(m) == 0 {
				continue
			}
			atX, atY := px(x[j]), py(m.Mean())
			line(atX, py(max(m.Mean()-m.Deviation(), 0)), atX, py(m.Mean()+m.Deviation()), colour, 1)
			fmt.Fprintf(&p.b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", atX, atY, colour)
			if drawn {
				line(lastX, lastY, atX, atY, colour, 1.5)
			}
			lastX, lastY, drawn = atX, atY, true
		}
		p.text(width-right, float64(height-bottom-12-16*(len(curves)-1-i)), 12, "end", colour, shorten(c.name))
	}
	return p.bytes()
}
