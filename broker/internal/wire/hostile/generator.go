package hostile

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/chortal/chortal/broker/internal/wire"
)

// lastKey is the highest API key that a frame may have.
const lastKey = 94

// seedsOfEach is the number of valid frames of one API in one version that mutations begin with.
const seedsOfEach = 3

// Seeds are valid frames. They do not change and serve many generators.
type Seeds struct {
	frames []seed
	byKey  map[int16][]int // places in frames
}

// seed is a valid frame.
type seed struct {
	key, version int16
	flexible     bool
	body         int // where the body begins
	frame        []byte
}

// NewSeeds makes valid frames of all APIs in all versions that the guard and kmsg know. records are put into the
// partitions of Produce requests, one after the other.
func NewSeeds(records ...[]byte) *Seeds {
	s := &Seeds{byKey: make(map[int16][]int)}
	guard := wire.NewGuard()
	r := rand.New(rand.NewPCG(1, 1))
	for key := int16(0); key <= lastKey; key++ {
		lowest, highest, ok := guard.Versions(key)
		if !ok || kmsg.RequestForKey(key) == nil {
			continue
		}
		for v := lowest; v <= min(highest, kmsg.RequestForKey(key).MaxVersion()); v++ {
			for i := range seedsOfEach {
				req := Request(key, v, r, i+1)
				switch q := req.(type) {
				case *kmsg.ProduceRequest:
					putRecords(q, records, r)
				case *kmsg.FetchRequest:
					q.MaxWaitMillis = 0 // or who sends them one by one would wait most of the time
				}
				s.add(req)
			}
		}
	}
	return s
}

func putRecords(p *kmsg.ProduceRequest, records [][]byte, r *rand.Rand) {
	for i := range p.Topics {
		for j := range p.Topics[i].Partitions {
			if len(records) > 0 {
				p.Topics[i].Partitions[j].Records = records[r.IntN(len(records))]
			}
		}
	}
}

// ClientID is the client id of all frames whose header is not damaged.
const ClientID = "hostile"

func (s *Seeds) add(req kmsg.Request) {
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID(ClientID)).AppendRequest(nil, req, 7)
	body := wire.PrefixLen + 2 + len(ClientID)
	if req.IsFlexible() {
		body++
	}
	s.byKey[req.Key()] = append(s.byKey[req.Key()], len(s.frames))
	s.frames = append(s.frames, seed{req.Key(), req.GetVersion(), req.IsFlexible(), body, frame})
}

// Generator makes frames. It is for one goroutine.
type Generator struct {
	seeds *Seeds
	r     *rand.Rand
	buf   []byte
}

// New makes a generator. The same seeds and number give the same frames.
func New(s *Seeds, number uint64) *Generator {
	return &Generator{seeds: s, r: rand.New(rand.NewPCG(number, 77))}
}

// Next is another frame. It is valid until the call after.
func (g *Generator) Next() []byte { return g.of(&g.seeds.frames[g.r.IntN(len(g.seeds.frames))]) }

// NextOf is another frame that was made from a request of one of these APIs.
func (g *Generator) NextOf(keys ...int16) []byte {
	all := g.seeds.byKey[keys[g.r.IntN(len(keys))]]
	return g.of(&g.seeds.frames[all[g.r.IntN(len(all))]])
}

// mutations are the ways to damage a frame. Those that keep the size of the frame as it was leave a size field that
// lies, if they change the length; most are repaired after.
var mutations = [...]func(g *Generator, s *seed){
	(*Generator).flip, (*Generator).flip, (*Generator).flip,
	(*Generator).cut, (*Generator).count, (*Generator).varint, (*Generator).tags, (*Generator).splice,
	(*Generator).repeat, (*Generator).swapVersion, (*Generator).head, (*Generator).swell, (*Generator).noise,
}

func (g *Generator) of(s *seed) []byte {
	g.buf = append(g.buf[:0], s.frame...)
	for range 1 + g.r.IntN(2) {
		mutations[g.r.IntN(len(mutations))](g, s)
		if len(g.buf) < wire.PrefixLen {
			return g.buf
		}
	}
	if g.r.IntN(16) == 0 {
		g.lieAboutSize()
	} else {
		binary.BigEndian.PutUint32(g.buf, uint32(len(g.buf)-4))
	}
	return g.buf
}

// bytes that decoders stumble over.
var strange = [...]byte{0, 1, 2, 0x7f, 0x80, 0xfe, 0xff}

func (g *Generator) anyByte() byte {
	if g.r.IntN(2) == 0 {
		return byte(g.r.Uint32())
	}
	return strange[g.r.IntN(len(strange))]
}

// place is somewhere in the body, or in the header where there is no body.
func (g *Generator) place(s *seed) int {
	if s.body < len(g.buf) {
		return s.body + g.r.IntN(len(g.buf)-s.body)
	}
	return 4 + g.r.IntN(max(len(g.buf)-4, 1))
}

// flip changes some bytes.
func (g *Generator) flip(s *seed) {
	for range 1 + g.r.IntN(8) {
		if at := g.place(s); at < len(g.buf) {
			g.buf[at] = g.anyByte()
		}
	}
}

// cut ends the frame early.
func (g *Generator) cut(s *seed) { g.buf = g.buf[:min(g.place(s), len(g.buf))] }

// numbers that lie about lengths and counts.
var lies = [...]uint32{0, 1, 0x7f, 0xff, 0x7fff, 0x8000, 0xffff, 1 << 20, 1 << 24, 1<<31 - 1, 1 << 31, 1<<32 - 2, 1<<32 - 1}

func (g *Generator) lie() uint32 { return lies[g.r.IntN(len(lies))] }

// count writes a number of 16 or 32 bits over whatever there is.
func (g *Generator) count(s *seed) {
	at := g.place(s)
	switch {
	case at+4 <= len(g.buf) && g.r.IntN(3) > 0:
		binary.BigEndian.PutUint32(g.buf[at:], g.lie())
	case at+2 <= len(g.buf):
		binary.BigEndian.PutUint16(g.buf[at:], uint16(g.lie()))
	}
}

// varint puts a varint that is large, or longer than it has to be, into the body.
func (g *Generator) varint(s *seed) {
	var b []byte
	switch g.r.IntN(4) {
	case 0:
		b = binary.AppendUvarint(b, g.r.Uint64())
	case 1:
		b = []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80}[:1+g.r.IntN(6)]
	default:
		b = binary.AppendUvarint(b, uint64(g.lie()))
	}
	at := min(g.place(s), len(g.buf))
	if g.r.IntN(2) == 0 {
		g.buf = slices.Insert(g.buf, at, b...)
		return
	}
	copy(g.buf[at:], b)
}

// tags ends the body in many tagged fields, or in the claim of many.
func (g *Generator) tags(s *seed) {
	if !s.flexible || len(g.buf) == 0 {
		g.flip(s)
		return
	}
	g.buf = g.buf[:len(g.buf)-1] // the count of the outermost structure
	if g.r.IntN(2) == 0 {
		g.buf = binary.AppendUvarint(g.buf, uint64(g.lie()))
		return
	}
	n := 1 + g.r.IntN(20)
	if g.r.IntN(64) == 0 {
		n = g.r.IntN(3000)
	}
	g.buf = binary.AppendUvarint(g.buf, uint64(n))
	for tag := range n {
		size := g.r.IntN(3)
		g.buf = binary.AppendUvarint(g.buf, uint64(tag))
		g.buf = binary.AppendUvarint(g.buf, uint64(size))
		g.buf = append(g.buf, 0, 0)[:len(g.buf)+size]
	}
}

// splice goes on with the bytes of another request.
func (g *Generator) splice(s *seed) {
	other := &g.seeds.frames[g.r.IntN(len(g.seeds.frames))]
	g.buf = append(g.buf[:min(g.place(s), len(g.buf))], other.frame[min(other.body, len(other.frame)):]...)
}

// repeat copies a part of the body many times behind itself.
func (g *Generator) repeat(s *seed) {
	from := min(g.place(s), len(g.buf))
	part := slices.Clone(g.buf[from:min(from+1+g.r.IntN(32), len(g.buf))])
	for range g.r.IntN(20) {
		g.buf = slices.Insert(g.buf, from, part...)
	}
}

// swapVersion says that the body is of another version, or of another API.
func (g *Generator) swapVersion(*seed) {
	if len(g.buf) < wire.PrefixLen {
		return
	}
	if g.r.IntN(2) == 0 {
		binary.BigEndian.PutUint16(g.buf[4:], uint16(g.r.IntN(lastKey+2)))
	}
	version := uint16(g.r.IntN(20))
	if g.r.IntN(8) == 0 {
		version = uint16(g.lie())
	}
	binary.BigEndian.PutUint16(g.buf[6:], version)
}

// head damages the client id and the tagged fields of the header.
func (g *Generator) head(s *seed) {
	if len(g.buf) < wire.PrefixLen+2 {
		return
	}
	if s.flexible && g.r.IntN(2) == 0 && s.body <= len(g.buf) {
		g.buf = slices.Insert(g.buf[:], s.body-1, binary.AppendUvarint(nil, uint64(g.lie()))...)
		return
	}
	binary.BigEndian.PutUint16(g.buf[wire.PrefixLen:], uint16(g.lie()))
}

// swell makes a large frame of small elements: an array that is as long as it says. Few are very large, because they
// cost what many others cost together.
func (g *Generator) swell(s *seed) {
	n := g.r.IntN(256)
	switch k := g.r.IntN(20000); {
	case k == 0:
		n = g.r.IntN(1 << 20)
	case k < 100:
		n = g.r.IntN(1 << 15)
	}
	at := min(s.body+g.r.IntN(24), len(g.buf))
	fill := byte(g.r.IntN(3))
	if s.flexible {
		g.buf = binary.AppendUvarint(g.buf[:at], uint64(1+g.r.IntN(n+1)))
	} else {
		g.buf = binary.BigEndian.AppendUint32(g.buf[:at], uint32(g.r.IntN(n+1)))
	}
	end := len(g.buf)
	g.buf = slices.Grow(g.buf, n)[:end+n]
	for i := end; i < len(g.buf); i++ {
		g.buf[i] = fill
	}
}

// noise is random bytes behind a header that is right, or from the first byte on.
func (g *Generator) noise(*seed) {
	keep := min(len(g.buf), [...]int{0, 4, 8, wire.PrefixLen}[g.r.IntN(4)])
	n := g.r.IntN(128)
	g.buf = slices.Grow(g.buf[:keep], n)[:keep+n]
	for i := keep; i < len(g.buf); i++ {
		g.buf[i] = byte(g.r.Uint32())
	}
}

// lieAboutSize leaves a size field that is not the frame's.
func (g *Generator) lieAboutSize() {
	size := g.lie()
	if g.r.IntN(2) == 0 {
		size = uint32(len(g.buf) - 4 + g.r.IntN(64) - 32)
	}
	binary.BigEndian.PutUint32(g.buf, size)
}
