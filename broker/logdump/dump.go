package logdump

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Decoder says what the records of a segment are.
type Decoder int8

// The decoders.
const (
	ByTopic         Decoder = iota // from the name of the segment's folder; text elsewhere
	Text                           // keys and values as they are
	Offsets                        // records of __consumer_offsets
	Transactions                   // records of __transaction_state
	ClusterMetadata                // records of Kafka's __cluster_metadata
)

// File is an open file.
type File interface {
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
}

// Options say what is shown.
type Options struct {
	// DeepIteration shows records, not only batches. PrintData implies it.
	DeepIteration bool
	// PrintData shows keys and values.
	PrintData bool
	// SkipRecordMetadata shows nothing of a record but its key and value.
	SkipRecordMetadata bool
	// Decoder reads keys and values.
	Decoder Decoder
	// IndexSanity only checks that indexes are sound in themselves.
	IndexSanity bool
	// VerifyIndexOnly checks indexes against their segment and does not show them.
	VerifyIndexOnly bool
	// MaxBytes bounds what is read of each segment. Zero: everything.
	MaxBytes int64
	// MaxBatchBytes bounds one batch, on disk and decompressed. Zero: 128 MiB.
	MaxBatchBytes int
	// Open opens a file.
	Open func(path string) (File, error)
}

const (
	defaultMaxBatch = 128 << 20
	// maxSmallFile bounds the files that are read as a whole.
	maxSmallFile = 512 << 20
)

// Dumper writes files.
type Dumper struct {
	o        Options
	out      *bufio.Writer
	problems []string // what Report says
	bad      int
}

// New makes a dumper that writes to out.
func New(out io.Writer, o Options) *Dumper {
	if o.MaxBatchBytes <= 0 {
		o.MaxBatchBytes = defaultMaxBatch
	}
	return &Dumper{o: o, out: bufio.NewWriterSize(out, 64<<10)}
}

// Known reports whether a file is one that Dump reads, by its name.
func Known(name string) bool { return format(name) != nil }

// format chooses the reader of a file by its name.
func format(name string) func(*Dumper, *input) error {
	base := filepath.Base(name)
	switch base {
	case "leader-epoch-checkpoint", "recovery-point-offset-checkpoint", "replication-offset-checkpoint", "log-start-offset-checkpoint", "cleaner-offset-checkpoint",
		"meta.properties", "partition.metadata":
		return (*Dumper).text
	case "metadata.log":
		return (*Dumper).metadataLog
	}
	for _, suffix := range []string{".deleted", ".cleaned", ".swap"} {
		base = strings.TrimSuffix(base, suffix)
	}
	switch path.Ext(base) {
	case ".log", ".checkpoint":
		return (*Dumper).segment
	case ".index":
		return (*Dumper).offsetIndex
	case ".timeindex":
		return (*Dumper).timeIndex
	case ".txnindex":
		return (*Dumper).txnIndex
	case ".snapshot":
		return (*Dumper).snapshot
	}
	return nil
}

// Dump writes one file. An error names the file and the place in it; what was readable before stands in the output.
func (d *Dumper) Dump(name string) (err error) {
	defer func() { err = errors.Join(err, d.out.Flush()) }()
	read := format(name)
	if read == nil {
		return fmt.Errorf("%s: no file of a log dir, by its name", name)
	}
	in, err := d.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	fmt.Fprintf(d.out, "Dumping %s\n", name)
	if err := read(d, in); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Report writes where indexes and segments did not agree, and returns how many such places there were.
func (d *Dumper) Report() (int, error) {
	for _, p := range d.problems {
		fmt.Fprintln(d.out, p)
	}
	return d.bad, d.out.Flush()
}

// maxProblems bounds what Report says about all files.
const maxProblems = 10_000

// problem notes a place for Report, below a heading that names the file once.
func (d *Dumper) problem(heading, format string, args ...any) {
	d.bad++
	if len(d.problems) >= maxProblems {
		return
	}
	seen := false
	for i := len(d.problems) - 1; i >= 0 && !seen; i-- {
		seen = d.problems[i] == heading
		if !seen && !strings.HasPrefix(d.problems[i], "  ") {
			break
		}
	}
	if !seen {
		d.problems = append(d.problems, heading)
	}
	d.problems = append(d.problems, "  "+fmt.Sprintf(format, args...))
}

// input is an open file with its size.
type input struct {
	File
	name string
	size int64
}

func (d *Dumper) open(name string) (*input, error) {
	f, err := d.o.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("is a folder")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return &input{f, name, info.Size()}, nil
}

// all reads a small file.
func (in *input) all() ([]byte, error) {
	if in.size > maxSmallFile {
		return nil, fmt.Errorf("has %d bytes, more than %d", in.size, maxSmallFile)
	}
	data := make([]byte, in.size)
	n, err := in.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data[:n], nil
}

// base is the offset in a file's name.
func (in *input) base() (int64, error) {
	digits, _, _ := strings.Cut(filepath.Base(in.name), ".")
	digits, _, _ = strings.Cut(digits, "-") // a snapshot of the metadata has its epoch behind
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, errors.New("the name does not begin with an offset in 20 digits")
	}
	return n, nil
}

// topic is the topic of a partition's folder, "" elsewhere.
func (in *input) topic() string {
	abs, err := filepath.Abs(in.name)
	if err != nil {
		abs = in.name
	}
	folder := filepath.Base(filepath.Dir(abs))
	if i := strings.LastIndexByte(folder, '-'); i > 0 {
		return folder[:i]
	}
	return ""
}

// text writes a file of lines as it is.
func (d *Dumper) text(in *input) error {
	data, err := in.all()
	if err != nil {
		return err
	}
	_, err = d.out.Write(data)
	return err
}
