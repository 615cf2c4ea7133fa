package learn

// Rand is a small stream of pseudo-random numbers (splitmix64). Its numbers never change between versions: models are the
// same bits wherever they are trained. It is not for secrets.
type Rand struct{ state uint64 }

// NewRand starts a stream; each part of the seed changes all its numbers.
func NewRand(seed ...uint64) *Rand {
	r := &Rand{state: 0x9e3779b97f4a7c15}
	for _, s := range seed {
		r.state ^= s
		r.state = r.Uint64()
	}
	return r
}

// Uint64 gives the next number.
func (r *Rand) Uint64() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// IntN gives a number in [0, n); n must be positive.
func (r *Rand) IntN(n int) int {
	return int((r.Uint64() >> 32) * uint64(n) >> 32)
}

// Shuffle puts the numbers into a random order.
func (r *Rand) Shuffle(x []int32) {
	for i := len(x) - 1; i > 0; i-- {
		j := r.IntN(i + 1)
		x[i], x[j] = x[j], x[i]
	}
}
