package partition

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"
	"strings"

	"github.com/chortal/chortal/broker/internal/commitlog"
	"github.com/chortal/chortal/broker/internal/fs"
)

// The checkpoint files of a log dir, as Kafka names them: version, count, then "topic partition offset" lines.
const (
	recoveryPointFile = "recovery-point-offset-checkpoint"
	logStartFile      = "log-start-offset-checkpoint"
	highWatermarkFile = "replication-offset-checkpoint"
	cleanerFile       = "cleaner-offset-checkpoint"
)

// checkpointFiles are all of them.
var checkpointFiles = [...]string{recoveryPointFile, logStartFile, highWatermarkFile, cleanerFile}

// checkpointRow is what the checkpoint files say of one partition.
type checkpointRow struct{ recoveryPoint, logStart, highWatermark, cleaned int64 }

func (r *checkpointRow) field(file string) *int64 {
	switch file {
	case recoveryPointFile:
		return &r.recoveryPoint
	case logStartFile:
		return &r.logStart
	case cleanerFile:
		return &r.cleaned
	}
	return &r.highWatermark
}

type checkpointLine struct {
	tp     TopicPartition
	offset int64
}

func encodeCheckpoint(lines []checkpointLine) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "0\n%d\n", len(lines))
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %d %d\n", l.tp.Topic, l.tp.Index, l.offset)
	}
	return b.Bytes()
}

// parseCheckpoint reads a checkpoint file.
func parseCheckpoint(data []byte) ([]checkpointLine, error) {
	r := bytes.NewReader(data)
	var version, count int
	if _, err := fmt.Fscanf(r, "%d\n%d\n", &version, &count); err != nil || version != 0 || count < 0 {
		return nil, fmt.Errorf("checkpoint head: version %d, count %d, %v", version, count, err)
	}
	var lines []checkpointLine
	for i := range count {
		var l checkpointLine
		if _, err := fmt.Fscanf(r, "%s %d %d\n", &l.tp.Topic, &l.tp.Index, &l.offset); err != nil {
			return nil, fmt.Errorf("checkpoint line %d: %w", i, err)
		}
		if l.offset < 0 || l.tp.Index < 0 {
			return nil, fmt.Errorf("checkpoint line %d: negative number", i)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// maxCheckpoint bounds what is read of a checkpoint file.
const maxCheckpoint = 64 << 20

// readCheckpoints loads the files. One that is missing or damaged counts as empty: recovery then checks more.
func (d *logDir) readCheckpoints() (map[TopicPartition]checkpointRow, error) {
	rows := map[TopicPartition]checkpointRow{}
	for _, file := range checkpointFiles {
		data, err := fs.ReadFile(d.fs, file, maxCheckpoint)
		if errors.Is(err, iofs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines, err := parseCheckpoint(data)
		if err != nil {
			d.log.Warn("damaged checkpoint file was passed over", "file", file, "err", err)
			d.startsLost = d.startsLost || file == logStartFile
			d.pointsLost = d.pointsLost || file == recoveryPointFile
			continue
		}
		for _, l := range lines {
			row := rows[l.tp]
			*row.field(file) = l.offset
			rows[l.tp] = row
		}
	}
	return rows, nil
}

// writeCheckpoint writes one file from the partitions' rows. checkpointMu is held.
func (d *logDir) writeCheckpoint(m *Manager, file string) error {
	var lines []checkpointLine
	for _, p := range m.Partitions() {
		if p.dir() != d {
			continue
		}
		p.mu.Lock()
		row := p.saved
		p.mu.Unlock()
		if offset := *row.field(file); offset > 0 {
			lines = append(lines, checkpointLine{p.tp, offset})
		}
	}
	// What the metadata has not named yet keeps its rows.
	d.mu.Lock()
	for tp := range d.found {
		row := d.rows[tp]
		if offset := *row.field(file); offset > 0 {
			lines = append(lines, checkpointLine{tp, offset})
		}
	}
	d.mu.Unlock()
	slices.SortFunc(lines, func(a, b checkpointLine) int {
		if c := strings.Compare(a.tp.Topic, b.tp.Topic); c != 0 {
			return c
		}
		return int(a.tp.Index) - int(b.tp.Index)
	})
	data := encodeCheckpoint(lines)
	if bytes.Equal(d.written[file], data) {
		return nil
	}
	if err := fs.WriteFileAtomic(d.fs, file, data); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	d.written[file] = data
	return nil
}

// noteStale notes that the files may name a partition that is no more.
func (d *logDir) noteStale(tp TopicPartition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stale[tp] = true
}

// forgetRows sees to it that the files say nothing of a partition before it is made anew: what they said of one that was
// deleted would make recovery miss records that the new one never had.
func (d *logDir) forgetRows(m *Manager, tp TopicPartition) error {
	d.mu.Lock()
	known := d.stale[tp] || d.rows[tp] != checkpointRow{}
	delete(d.stale, tp)
	delete(d.rows, tp)
	d.mu.Unlock()
	if !known {
		return nil
	}
	for _, file := range checkpointFiles {
		if err := d.writeOne(m, file); err != nil {
			return err
		}
	}
	return nil
}

// writeOne writes one file from what the partitions say.
func (d *logDir) writeOne(m *Manager, file string) error {
	d.checkpointMu.Lock()
	defer d.checkpointMu.Unlock()
	return d.writeCheckpoint(m, file)
}

// writeLogStarts makes the log starts of all partitions durable.
func (d *logDir) writeLogStarts(m *Manager) error {
	d.checkpointMu.Lock()
	defer d.checkpointMu.Unlock()
	for _, p := range m.Partitions() {
		if p.dir() == d {
			p.noteStart()
		}
	}
	return d.writeCheckpoint(m, logStartFile)
}

func (p *Partition) noteStart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log != nil {
		p.saved.logStart = p.log.Start()
	}
}

// writeHighWatermarks writes what readers may have seen.
func (d *logDir) writeHighWatermarks(m *Manager) error {
	d.checkpointMu.Lock()
	defer d.checkpointMu.Unlock()
	for _, p := range m.Partitions() {
		if p.dir() != d {
			continue
		}
		p.mu.Lock()
		if p.log != nil {
			p.saved.highWatermark = p.hw
		}
		p.mu.Unlock()
	}
	return d.writeCheckpoint(m, highWatermarkFile)
}

// writeRecoveryPoints makes the partitions durable with indexes and producer snapshots, and notes that.
func (d *logDir) writeRecoveryPoints(m *Manager) error {
	for _, p := range m.Partitions() {
		if p.dir() == d {
			if err := p.checkpoint(); err != nil {
				return err
			}
		}
	}
	d.checkpointMu.Lock()
	defer d.checkpointMu.Unlock()
	return d.writeCheckpoint(m, recoveryPointFile)
}

// checkpoint makes the partition durable so that recovery begins here. Without [Fsync] it waits for the next roll: Kafka
// too syncs no earlier.
func (p *Partition) checkpoint() error { return p.checkpointIf(false) }

// checkpointNow makes the partition durable whatever it says of its durability.
func (p *Partition) checkpointNow() error { return p.checkpointIf(true) }

func (p *Partition) checkpointIf(now bool) error {
	p.checkpointMu.Lock()
	defer p.checkpointMu.Unlock()
	p.mu.Lock()
	if p.log == nil || p.err != nil || p.log.End() == p.saved.recoveryPoint && p.snapshotAt == p.log.End() ||
		!now && !p.syncs() && p.snapshotAt <= p.saved.recoveryPoint {
		p.mu.Unlock()
		return nil
	}
	l, end, snapshot, fresh := p.log, p.log.End(), p.producers.encode(), p.fresh
	p.mu.Unlock()

	var err error
	if fresh {
		err = p.syncFolder()
	}
	if err == nil {
		err = l.Checkpoint()
	}
	if err == nil {
		// The log is durable; what a full disk leaves of a snapshot is passed over, and the next checkpoint writes it anew.
		if err = l.WriteSnapshot(end, snapshot, true); isNoSpace(err) {
			err = fmt.Errorf("%w: %w", commitlog.ErrNoSpace, err)
		}
	}
	if err == nil {
		bases := l.Segments()
		err = l.RemoveSnapshots(func(o int64) bool { return o < bases[0] || o < end && !slices.Contains(bases, o) })
	}

	p.mu.Lock()
	after := func() {}
	switch {
	case p.err != nil:
		err = nil // deleted or shut down meanwhile
	case err != nil:
		err = p.logError(err)
		if p.err != nil {
			after = p.end(p.err)
		}
	default:
		p.fresh = p.fresh && !fresh
		p.snapshotAt = max(p.snapshotAt, end)
		p.saved.recoveryPoint = max(p.saved.recoveryPoint, end)
	}
	p.mu.Unlock()
	after()
	return err
}

// close makes the partition durable and closes it for good.
func (p *Partition) close() error {
	p.checkpointMu.Lock()
	defer p.checkpointMu.Unlock()
	p.mu.Lock()
	if p.err != nil {
		// Offline: the next start must look at it again.
		defer p.mu.Unlock()
		return p.err
	}
	var err error
	done := func() {}
	if p.unchecked {
		err = p.open() // else the next start would take it for sound
	}
	if p.log != nil {
		if err = p.closeLog(); err == nil {
			done = p.advance(p.log.End(), p.appended)
		}
	}
	after := p.end(errShutDown(p.tp))
	p.mu.Unlock()
	done()
	after()
	return err
}

func (p *Partition) closeLog() error {
	if p.fresh {
		if err := p.syncFolder(); err != nil {
			return err
		}
	}
	end := p.log.End()
	if end > 0 && p.snapshotAt != end {
		if err := p.log.WriteSnapshot(end, p.producers.encode(), true); err != nil {
			return err
		}
	}
	if err := p.log.Close(); err != nil {
		return err
	}
	p.saved = checkpointRow{recoveryPoint: end, logStart: p.log.Start(), highWatermark: end, cleaned: p.saved.cleaned}
	return nil
}
