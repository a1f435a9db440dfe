package function

import "math"

// Go's sine and cosine may be off by a unit in the last place where Java's are not, and the difference shows in printed distances. So these two
// compute with pairs of floats, about 100 bits, and round once.

// pair is the unevaluated sum of two floats, the second far below the first.
type pair struct{ hi, lo float64 }

func twoSum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

func (a pair) add(b pair) pair {
	s := twoSum(a.hi, b.hi)
	return twoSum(s.hi, s.lo+a.lo+b.lo)
}

func (a pair) mul(b pair) pair {
	p := a.hi * b.hi
	e := math.FMA(a.hi, b.hi, -p) + a.hi*b.lo + a.lo*b.hi
	return twoSum(p, e)
}

func (a pair) div(n float64) pair {
	q := a.hi / n
	r := math.FMA(-q, n, a.hi) + a.lo
	return twoSum(q, r/n)
}

// halfPi is pi/2.
var halfPi = pair{math.Pi / 2, 6.123233995736766e-17}

// series2 sums x^k/k! with alternating signs from k = start in steps of two; |x| is at most pi/4.
func series2(x pair, start int) pair {
	square := x.mul(x)
	term := pair{1, 0}
	if start == 1 {
		term = x
	}
	sum := term
	for k := start + 2; k < 30; k += 2 {
		term = term.mul(square).div(-float64(k * (k - 1)))
		sum = sum.add(term)
	}
	return sum
}

// sinCos returns sine and cosine for angles of a few turns at most.
func sinCos(x float64) (sin, cos float64) {
	n := math.Round(x / halfPi.hi)
	r := pair{x, 0}.add(pair{-n, 0}.mul(halfPi))
	s, c := series2(r, 1), series2(r, 0)
	switch int(n) & 3 {
	case 0:
		return s.hi, c.hi
	case 1:
		return c.hi, -s.hi
	case 2:
		return -s.hi, -c.hi
	}
	return -c.hi, s.hi
}
