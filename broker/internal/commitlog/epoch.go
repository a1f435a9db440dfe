package commitlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"slices"
	"sort"

	"github.com/chortal/chortal/broker/internal/fs"
)

// epochEntry says that the records from start on were appended under epoch.
type epochEntry struct {
	epoch int32
	start int64
}

// epochCache is the leader epochs of a log, ascending in both fields.
type epochCache []epochEntry

// latest is the last epoch, -1 if there is none.
func (c epochCache) latest() int32 {
	if len(c) == 0 {
		return -1
	}
	return c[len(c)-1].epoch
}

// at is the epoch of the record at offset, -1 if unknown.
func (c epochCache) at(offset int64) int32 {
	i := sort.Search(len(c), func(i int) bool { return c[i].start > offset })
	if i == 0 {
		return -1
	}
	return c[i-1].epoch
}

// add notes that records from start on have the epoch; it reports whether that is news.
func (c *epochCache) add(epoch int32, start int64) bool {
	if epoch < 0 || epoch <= c.latest() {
		return false
	}
	c.truncate(start)
	*c = append(*c, epochEntry{epoch, start})
	return true
}

// truncate forgets what begins at offset or later.
func (c *epochCache) truncate(offset int64) bool {
	i := sort.Search(len(*c), func(i int) bool { return (*c)[i].start >= offset })
	cut := i < len(*c)
	*c = (*c)[:i]
	return cut
}

// cutBefore forgets epochs that ended at offset or before; the one that holds offset then starts there.
func (c *epochCache) cutBefore(offset int64) bool {
	i := sort.Search(len(*c), func(i int) bool { return (*c)[i].start > offset })
	if i == 0 || (*c)[i-1].start == offset && i == 1 {
		return false
	}
	*c = slices.Delete(*c, 0, i-1)
	(*c)[0].start = offset
	return true
}

// endOf finds the largest known epoch that is at most epoch and the offset at which it ends; -1, -1 if there is none.
func (c epochCache) endOf(epoch int32, logEnd int64) (int32, int64) {
	if epoch < 0 || len(c) == 0 {
		return -1, -1
	}
	if epoch == c.latest() {
		return epoch, logEnd
	}
	i := sort.Search(len(c), func(i int) bool { return c[i].epoch > epoch })
	switch {
	case i == len(c): // an epoch that is not known yet
		return -1, -1
	case i == 0:
		// All known epochs are later: as Kafka, the asked one, which ends where the first begins.
		return epoch, c[0].start
	}
	return c[i-1].epoch, c[i].start
}

// encode is Kafka's checkpoint format: version, count, then "epoch start" lines.
func (c epochCache) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "0\n%d\n", len(c))
	for _, e := range c {
		fmt.Fprintf(&b, "%d %d\n", e.epoch, e.start)
	}
	return b.Bytes()
}

// parseEpochs reads a leader-epoch-checkpoint.
func parseEpochs(p []byte) (epochCache, error) {
	r := bytes.NewReader(p)
	var version, count int
	if _, err := fmt.Fscanf(r, "%d\n%d\n", &version, &count); err != nil || version != 0 || count < 0 {
		return nil, fmt.Errorf("%s: bad head (version %d, count %d, %v): %w", epochFile, version, count, err, ErrCorrupt)
	}
	var c epochCache
	for range count {
		var e epochEntry
		if _, err := fmt.Fscanf(r, "%d %d\n", &e.epoch, &e.start); err != nil {
			return nil, fmt.Errorf("%s: %v: %w", epochFile, err, ErrCorrupt)
		}
		if e.epoch <= c.latest() || e.start < 0 || len(c) > 0 && e.start < c[len(c)-1].start {
			return nil, fmt.Errorf("%s: epoch %d at %d is out of order: %w", epochFile, e.epoch, e.start, ErrCorrupt)
		}
		c = append(c, e)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		return nil, fmt.Errorf("%s: more than %d lines: %w", epochFile, count, ErrCorrupt)
	}
	return c, nil
}

// loadEpochs reads the file; ok is false if it must be made anew from the batches.
func loadEpochs(fsys fs.FS, name string) (c epochCache, ok bool, err error) {
	p, err := fs.ReadFile(fsys, name, 16<<20)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	c, err = parseEpochs(p)
	return c, err == nil, nil
}

// showFirstEpoch writes the file of a log that has just got its first epoch, so that it stands beside the segment from the
// first record on, as Kafka's does. It is not synced, and may fail: Checkpoint writes it again, and a torn one is made
// anew from the few batches there are. mu is held.
func (l *Log) showFirstEpoch() {
	if len(l.epochs) != 1 {
		return
	}
	f, err := l.o.FS.Create(l.path(epochFile))
	if err != nil {
		return
	}
	_, _ = f.WriteAt(l.epochs.encode(), 0)
	_ = f.Close()
}
