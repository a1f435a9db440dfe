package runtime

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/statestore/badgerstore"
	"github.com/chortal/chortal/statestore/memstore"
	"github.com/chortal/chortal/streams/processor"
)

// stateDir is the folder of an application's state:
//
//	<state.dir>/<application id>/.lock     held by the process that uses the folder
//	<state.dir>/<application id>/<task>/   the engine of a task, such as 0_3
type stateDir struct {
	root string
	lock io.Closer
}

// openStateDir creates and locks the folder.
func openStateDir(dir, application string) (*stateDir, error) {
	d := &stateDir{root: filepath.Join(dir, application)}
	if err := os.MkdirAll(d.root, 0o755); err != nil {
		return nil, fmt.Errorf("open state folder: %w", err)
	}
	var err error
	if d.lock, err = lockFile(filepath.Join(d.root, ".lock")); err != nil {
		return nil, fmt.Errorf("open state folder %s: another instance uses it (set another StateDir): %w", d.root, err)
	}
	return d, nil
}

func (d *stateDir) close() error { return d.lock.Close() }

func (d *stateDir) task(id processor.TaskID) string { return filepath.Join(d.root, id.String()) }

// stored lists the tasks that have a folder.
func (d *stateDir) stored() ([]processor.TaskID, error) {
	entries, err := os.ReadDir(d.root)
	if err != nil {
		return nil, fmt.Errorf("list state folder: %w", err)
	}
	var ids []processor.TaskID
	for _, e := range entries {
		if id, ok := parseTaskID(e.Name()); ok && e.IsDir() {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// clean deletes the folders of tasks that keep says nothing about and that nobody has used for delay.
func (d *stateDir) clean(now time.Time, delay time.Duration, keep func(processor.TaskID) bool) error {
	ids, err := d.stored()
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		info, err := os.Stat(filepath.Join(d.task(id), "db"))
		if err != nil || keep(id) || now.Sub(info.ModTime()) < delay {
			continue
		}
		errs = append(errs, badgerstore.Destroy(d.task(id)))
	}
	return errors.Join(errs...)
}

// openEngine opens the engine of a task's stores.
func (rt *Runtime) openEngine(id processor.TaskID, inMemory bool) (statestore.Engine, error) {
	if inMemory || rt.cfg.InMemory {
		return memstore.New(), nil
	}
	return badgerstore.Open(rt.dir.task(id), badgerstore.Options{Logger: rt.log.With("task", id.String())})
}

// parseTaskID reads subtopology_partition.
func parseTaskID(s string) (id processor.TaskID, ok bool) {
	sub, partition, found := strings.Cut(s, "_")
	n, err := strconv.Atoi(sub)
	p, perr := strconv.ParseInt(partition, 10, 32)
	if !found || err != nil || perr != nil || n < 0 || p < 0 {
		return id, false
	}
	return processor.TaskID{Subtopology: n, Partition: int32(p)}, true
}
