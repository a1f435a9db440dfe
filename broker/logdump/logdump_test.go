package logdump

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chortal/chortal/internal/recordbatch"
)

func openOS(path string) (File, error) { return os.Open(path) }

// recorded is a folder of files that Apache Kafka 4.3.1 wrote, and of what its DumpLogSegments said about them.
const recorded = "testdata/kafka-4.3.1/"

// dump runs the dumper over files and gives all that it writes.
func dump(t *testing.T, o Options, files ...string) string {
	t.Helper()
	var out bytes.Buffer
	o.Open = openOS
	d := New(&out, o)
	for _, f := range files {
		if err := d.Dump(f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Report(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAsKafkaDoes(t *testing.T) {
	// check wants the same lines, but for what Report adds where batches were taken out of a recording.
	check := func(got, want string) string {
		if head, _, cut := strings.Cut(got, "Non-consecutive offsets"); cut && !strings.Contains(want, "Non-consecutive") {
			got = head
		}
		return cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n"))
	}
	f := func(want string, o Options, files ...string) {
		t.Helper()
		text, err := os.ReadFile(recorded + want + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for i := range files {
			files[i] = recorded + files[i]
		}
		if diff := check(dump(t, o, files...), string(text)); diff != "" {
			t.Errorf("%s (-Kafka +ours):\n%s", want, diff)
		}
	}
	f("batches", Options{}, "pedidos-0/00000000000000000000.log")
	f("deep", Options{DeepIteration: true}, "pedidos-0/00000000000000000000.log")
	f("compressed", Options{DeepIteration: true}, "grande-0/00000000000000000000.log")
	f("txnindex", Options{}, "pedidos-0/00000000000000000000.txnindex")
	f("snapshot", Options{}, "pedidos-0/00000000000000000006.snapshot")
	f("index", Options{}, "grande-0/00000000000000000000.index")
	f("index-verify", Options{VerifyIndexOnly: true}, "grande-0/00000000000000000000.index")
	f("index-sanity", Options{IndexSanity: true}, "grande-0/00000000000000000000.index")
	f("timeindex", Options{}, "grande-0/00000000000000000000.timeindex")
	f("transactions", Options{PrintData: true}, "__transaction_state-0/00000000000000000000.log")
	f("metadata", Options{PrintData: true}, "__cluster_metadata-0/00000000000000000000.log")
	var offsets []string
	for _, n := range "01234" {
		offsets = append(offsets, "__consumer_offsets-"+string(n)+"/00000000000000000000.log")
	}
	f("offsets", Options{PrintData: true}, offsets...)
}

// memory is a file that stands in memory.
type memory struct {
	*bytes.Reader
	name string
}

func (m memory) Close() error               { return nil }
func (m memory) Stat() (fs.FileInfo, error) { return memoryInfo{m}, nil }

type memoryInfo struct{ m memory }

func (i memoryInfo) Name() string       { return i.m.name }
func (i memoryInfo) Size() int64        { return i.m.Reader.Size() }
func (i memoryInfo) Mode() fs.FileMode  { return 0 }
func (i memoryInfo) ModTime() time.Time { return time.Time{} }
func (i memoryInfo) IsDir() bool        { return false }
func (i memoryInfo) Sys() any           { return nil }

// dumpBytes reads files from memory and gives the first error.
func dumpBytes(o Options, files map[string][]byte, name string) (string, int, error) {
	o.Open = func(path string) (File, error) {
		data, ok := files[filepath.Base(path)]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return memory{bytes.NewReader(data), path}, nil
	}
	var out bytes.Buffer
	d := New(&out, o)
	err := d.Dump(name)
	n, reportErr := d.Report()
	return out.String(), n, errors.Join(err, reportErr)
}

func batch(t *testing.T, base int64, values ...string) []byte {
	t.Helper()
	b := recordbatch.NewBuilder(recordbatch.Options{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1})
	for i, v := range values {
		b.Append(1000+int64(i), nil, []byte(v))
	}
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	p.SetBaseOffset(base)
	return p
}

// Damage is named with its place, after what could be read.
func TestDamage(t *testing.T) {
	whole := batch(t, 5, "uno", "dos")
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	f := func(name string, data []byte, wantOut, wantErr string) {
		t.Helper()
		out, _, err := dumpBytes(Options{DeepIteration: true}, map[string][]byte{name: data}, name)
		if !strings.Contains(out, wantOut) {
			t.Errorf("%s: no %q in %s", name, wantOut, out)
		}
		if wantErr == "" && err != nil || wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) {
			t.Errorf("%s: %v, want %q", name, err, wantErr)
		}
	}
	const log = "00000000000000000005.log"
	f(log, whole, "offset: 6 ", "")
	f(log, append(bytes.Clone(whole), make([]byte, 100)...), "100 bytes at the end of "+log+" are preallocated", "")
	f(log, append(bytes.Clone(whole), whole[:40]...), "Found 40 invalid bytes", "batch at byte 81: only 40 bytes are left")
	f(log, append(bytes.Clone(whole), whole[:70]...), "Found 70 invalid bytes", "size is 81, but only 70")
	f(log, flipped, "isvalid: false", "")
	f(log, append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 2}, make([]byte, 60)...), "", "size is 11")
	f(log, bytes.Repeat([]byte{1}, 100), "", "magic byte is 1")
	f("x.log", whole, "", "offset in 20 digits")
	f("00000000000000000005.txnindex", make([]byte, 35), "version: 0", "entry 1 is cut short")
	f("00000000000000000005.index", make([]byte, 9), "", "no multiple of 8")
	f("00000000000000000005.index", make([]byte, 8), "", "the segment of this index")
	f("00000000000000000005.snapshot", make([]byte, 9), "", "at least 10")
	f("00000000000000000005.snapshot", append([]byte{0, 1}, make([]byte, 20)...), "", "checksum")
	f("metadata.log", []byte("chmd"), "", "does not begin as a metadata log")
	f("other.txt", nil, "", "no file of a log dir")
	f("leader-epoch-checkpoint", []byte("0\n1\n0 0\n"), "0 0", "")
}

// An index that does not fit its segment is reported.
func TestIndexesAreChecked(t *testing.T) {
	files := map[string][]byte{
		"00000000000000000005.log":       append(batch(t, 5, "uno", "dos"), batch(t, 7, "tres")...),
		"00000000000000000005.index":     {0, 0, 0, 2, 0, 0, 0, 81, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"00000000000000000005.timeindex": {0, 0, 0, 0, 0, 0, 3, 0xe9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 2},
	}
	out, n, err := dumpBytes(Options{}, files, "00000000000000000005.index")
	if err != nil || n != 1 || !strings.Contains(out, "offset: 7 position: 81\noffset: 14 position: 0\nMismatches in :00000000000000000005.index\n  Index offset: 14, log offset: 6\n") {
		t.Errorf("%d, %v\n%s", n, err, out)
	}
	out, n, err = dumpBytes(Options{VerifyIndexOnly: true}, files, "00000000000000000005.timeindex")
	if err != nil || n != 2 || !strings.Contains(out, "Index timestamp: 768, log timestamp: 1000") || !strings.Contains(out, "Index timestamp: 768, Previously indexed timestamp: 1001") {
		t.Errorf("%d, %v\n%s", n, err, out)
	}
	_, _, err = dumpBytes(Options{IndexSanity: true}, files, "00000000000000000005.index")
	if err == nil || !strings.Contains(err.Error(), "entry 1") {
		t.Errorf("an index that falls: %v", err)
	}
}

// No file, whatever is in it, brings the dumper down.
func FuzzDump(f *testing.F) {
	names := []string{
		"00000000000000000000.log", "00000000000000000000.index", "00000000000000000000.timeindex", "00000000000000000000.txnindex", "00000000000000000006.snapshot", "metadata.log",
	}
	for _, pattern := range []string{"*/*.log", "*/*index", "*/*.snapshot"} {
		paths, _ := filepath.Glob(recorded + pattern)
		for _, p := range paths {
			data, err := os.ReadFile(p)
			if err != nil {
				f.Fatal(err)
			}
			for i, n := range names {
				if n == filepath.Base(p) && len(data) < 8<<10 {
					f.Add(uint8(i), uint8(len(p)%5), data)
				}
			}
		}
	}
	segment, err := os.ReadFile(recorded + "pedidos-0/00000000000000000000.log")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, which, decoder uint8, data []byte) {
		name := names[int(which)%len(names)]
		files := map[string][]byte{names[0]: segment, name: data}
		o := Options{PrintData: true, Decoder: Decoder(decoder % 5), MaxBatchBytes: 1 << 20}
		_, _, _ = dumpBytes(o, files, name)
	})
}

// The decoders of records take any bytes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x00\x02\x00\x01a"), []byte("\x00\x03"))
	f.Add([]byte("\x00\x00\x00\x01a"), []byte("\x01\x02\x00\x00"))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		for _, family := range []string{"group", "transaction"} {
			coordinatorDecoder(family)(0, key, value)
			for kindOf := range int16(30) {
				_, _ = coordinatorValue(family, kindOf, value)
			}
		}
		_, _ = metadataRecord(value)
		_, _ = controlText(key, value)
	})
}
