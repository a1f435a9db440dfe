package recordbatch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// The pools hold state that is costly to make and carries nothing from one batch to the next.
var (
	bufferPool     = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	gzipReaderPool = sync.Pool{New: func() any { return new(gzip.Reader) }}
	gzipWriterPool = levels(func(l Level) any { return newGzipWriter(l) })
	lz4ReaderPool  = sync.Pool{New: func() any { return lz4.NewReader(nil) }}
	lz4WriterPool  = levels(func(l Level) any { return newLZ4Writer(l) })
	zstdReaderPool = sync.Pool{New: func() any { return newZstdReader() }}
	zstdWriterPool = levels(func(l Level) any { return newZstdWriter(l) })
)

// levels makes a pool for each of the levels 0 to maxLevel: another level uses the nearest one.
func levels(makeWriter func(Level) any) *[maxLevel + 1]sync.Pool {
	var pools [maxLevel + 1]sync.Pool
	for i := range pools {
		pools[i].New = func() any { return makeWriter(Level(i)) }
	}
	return &pools
}

// maxPooledBuffer keeps a rare huge batch from staying in memory.
const maxPooledBuffer = 4 << 20

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= maxPooledBuffer {
		b.Reset()
		bufferPool.Put(b)
	}
}

// newGzipWriter takes level 0 for the default of the library.
func newGzipWriter(level Level) *gzip.Writer {
	n := int(level)
	if n == 0 {
		n = gzip.DefaultCompression
	}
	w, err := gzip.NewWriterLevel(io.Discard, min(n, gzip.BestCompression))
	if err != nil {
		panic(err) // the level is in range
	}
	return w
}

// newLZ4Writer writes frames as Kafka's Java client does: 64 KiB independent blocks without content checksum. As with
// Kafka's compression.lz4.level, 9 stands for the fast way and any other level for the thorough one.
func newLZ4Writer(level Level) *lz4.Writer {
	w := lz4.NewWriter(io.Discard)
	n := lz4.Fast
	if level > 0 && level != 9 {
		n = [...]lz4.CompressionLevel{
			lz4.Level1, lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6, lz4.Level7, lz4.Level8, lz4.Level9,
		}[min(level, 9)-1]
	}
	err := w.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1), lz4.CompressionLevelOption(n))
	if err != nil {
		panic(err) // the options are constants
	}
	return w
}

func newZstdReader() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}

// maxZstdWindow is the memory that decoding may reserve for back references: what the format asks of every decoder, and
// the most that levels up to 19 use.
const maxZstdWindow = 8 << 20

// lowerZstdWindow changes the head of a frame that claims a larger window, so that ten bytes cannot reserve 128 MiB. A
// frame whose content fits the smaller window decodes to the same bytes: Kafka's Java client claims the window of its
// level (128 MiB at 22) however small the batch is. One that really reaches further back is then refused as corrupt.
func lowerZstdWindow(src []byte) []byte {
	const (
		magic         = "\x28\xb5\x2f\xfd"
		singleSegment = 0x20
		windowLog23   = 13 << 3
	)
	if len(src) < 6 || string(src[:4]) != magic {
		return src
	}
	if src[4]&singleSegment == 0 {
		if src[5] <= windowLog23 {
			return src
		}
		out := bytes.Clone(src)
		out[5] = windowLog23
		return out
	}
	// The window is the content's size, in a field of 1, 2, 4 or 8 bytes; less than 4 cannot say so much.
	if src[4]>>6 < 2 {
		return src
	}
	out := append(make([]byte, 0, len(src)+1), src[:4]...)
	out = append(out, src[4]&^singleSegment, windowLog23)
	return append(out, src[5:]...)
}

// newZstdWriter takes level 0 for zstd's own default, 3.
func newZstdWriter(level Level) *zstd.Encoder {
	if level == 0 {
		level = 3
	}
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(int(level))))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
}

// appendCompressed compresses src behind dst.
func appendCompressed(dst []byte, c Codec, level Level, src []byte) ([]byte, error) {
	i := level.index()
	switch c {
	case None:
		return append(dst, src...), nil
	case Gzip:
		w := gzipWriterPool[i].Get().(*gzip.Writer)
		defer gzipWriterPool[i].Put(w)
		return appendStream(dst, src, w)
	case Snappy:
		return appendXerial(dst, src), nil
	case LZ4:
		w := lz4WriterPool[i].Get().(*lz4.Writer)
		defer lz4WriterPool[i].Put(w)
		return appendStream(dst, src, w)
	case Zstd:
		w := zstdWriterPool[i].Get().(*zstd.Encoder)
		defer zstdWriterPool[i].Put(w)
		return w.EncodeAll(src, dst), nil
	}
	return nil, fmt.Errorf("%v: %w", c, ErrCodec)
}

type resetWriter interface {
	io.WriteCloser
	Reset(io.Writer)
}

func appendStream(dst, src []byte, w resetWriter) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	w.Reset(buf)
	if _, err := w.Write(src); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return buf.Bytes(), nil
}

// appendDecompressed decompresses src behind dst; more than max bytes is an error, and no more are ever made.
func appendDecompressed(dst []byte, c Codec, src []byte, max int) ([]byte, error) {
	switch c {
	case None:
		if len(src) > max {
			return nil, ErrTooLarge
		}
		return append(dst, src...), nil
	case Gzip:
		return appendGunzipped(dst, src, max)
	case Snappy:
		return appendUnsnapped(dst, src, max)
	case LZ4:
		r := lz4ReaderPool.Get().(*lz4.Reader)
		defer lz4ReaderPool.Put(r)
		r.Reset(bytes.NewReader(src))
		return appendLimited(dst, r, max)
	case Zstd:
		r := zstdReaderPool.Get().(*zstd.Decoder)
		defer zstdReaderPool.Put(r)
		if err := r.Reset(bytes.NewReader(lowerZstdWindow(src))); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		out, err := appendLimited(dst, r, max)
		// Without this the pooled decoder would keep the batch in memory.
		_ = r.Reset(nil)
		return out, err
	}
	return nil, fmt.Errorf("%v: %w", c, ErrCodec)
}

func appendGunzipped(dst, src []byte, max int) ([]byte, error) {
	r := gzipReaderPool.Get().(*gzip.Reader)
	defer gzipReaderPool.Put(r)
	if err := r.Reset(bytes.NewReader(src)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return appendLimited(dst, r, max)
}

// appendLimited reads all of r, growing dst by doubling, so what is reserved follows what has really come.
func appendLimited(dst []byte, r io.Reader, max int) ([]byte, error) {
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst)-start > max {
			return nil, ErrTooLarge
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
}

// xerialMagic begins the framing that snappy-java, and so Kafka's Java client, puts around snappy blocks:
// magic, version int32, compatible version int32, then (length int32, block)*.
const xerialMagic = "\x82SNAPPY\x00"

const (
	xerialHeader = len(xerialMagic) + 8
	xerialBlock  = 32 << 10
)

func appendXerial(dst, src []byte) []byte {
	dst = append(dst, xerialMagic...)
	dst = binary.BigEndian.AppendUint32(dst, 1)
	dst = binary.BigEndian.AppendUint32(dst, 1)
	for len(src) > 0 {
		part := src[:min(len(src), xerialBlock)]
		src = src[len(part):]
		block := s2.EncodeSnappy(nil, part)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(block)))
		dst = append(dst, block...)
	}
	return dst
}

// appendUnsnapped reads both xerial framing and one bare block, as Kafka clients in C and Go send it.
func appendUnsnapped(dst, src []byte, max int) ([]byte, error) {
	if len(src) < xerialHeader || string(src[:len(xerialMagic)]) != xerialMagic {
		return appendSnappyBlock(dst, src, max)
	}
	src = src[xerialHeader:]
	start := len(dst)
	for len(src) > 0 {
		if len(src) < 4 {
			return nil, fmt.Errorf("snappy frame cut short: %w", ErrCorrupt)
		}
		n := int(binary.BigEndian.Uint32(src))
		src = src[4:]
		if n > len(src) {
			return nil, fmt.Errorf("snappy block of %d bytes, %d are left: %w", n, len(src), ErrCorrupt)
		}
		var err error
		if dst, err = appendSnappyBlock(dst, src[:n], max-(len(dst)-start)); err != nil {
			return nil, err
		}
		src = src[n:]
	}
	return dst, nil
}

func appendSnappyBlock(dst, block []byte, max int) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if n > max {
		return nil, ErrTooLarge
	}
	// A copy element of snappy makes at most 64 bytes out of 3: a claim beyond that is a lie, and would reserve memory.
	if n > 32*len(block)+64 {
		return nil, fmt.Errorf("snappy block of %d bytes claims %d: %w", len(block), n, ErrCorrupt)
	}
	start := len(dst)
	dst = append(dst, make([]byte, n)...)
	out, err := s2.Decode(dst[start:], block)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if len(out) != n {
		return nil, fmt.Errorf("snappy block gave %d bytes, claimed %d: %w", len(out), n, ErrCorrupt)
	}
	return dst, nil
}
