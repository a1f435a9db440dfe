package ksql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A query is dropped in three steps, so that a crash leaves nothing behind and nothing is deleted that the command log
// does not name: the log gets an announcement together with the removal of the definition; topics, group and state are
// deleted; the announcement is removed. What is left of a drop is done at the next start.

// withDrops adds the announcements of drops to what is written to the command log.
func withDrops(entries map[string]*entry, ids ...string) map[string]*entry {
	for _, id := range ids {
		entries[droppingKey(id)] = droppingEntry(id)
	}
	return entries
}

// finishDrops does what is left of the drops of an engine that died. The caller holds mu.
func (e *Engine) finishDrops(ctx context.Context) {
	for _, en := range e.commands.pendingDrops() {
		if err := e.finishDrop(ctx, en.Dropping); err != nil {
			e.log.Warn("a query is not dropped completely; the next start tries again", "query", en.Dropping, "err", err)
		}
	}
}

// finishDrop deletes what a query has left behind and removes its announcement. One whose query is still defined, or
// may be as its record cannot be read, deletes nothing. The caller holds mu.
func (e *Engine) finishDrop(ctx context.Context, id string) error {
	switch unsure, defined := e.commands.defines(id); {
	case unsure != nil:
		return unsure
	case !defined:
		if err := e.removeQuery(ctx, id); err != nil {
			return err
		}
	}
	return e.commands.write(ctx, map[string]*entry{droppingKey(id): nil})
}

// pendingDrops are the announcements of drops.
func (l *commandLog) pendingDrops() []*entry {
	var out []*entry
	for key, en := range l.entries {
		if en.Dropping != "" && key == droppingKey(en.Dropping) {
			out = append(out, en)
		}
	}
	return out
}

// defines reports whether the log defines a query; the error says that a record about it cannot be read.
func (l *commandLog) defines(id string) (unsure error, defined bool) {
	for key, offset := range l.unreadable {
		if key == queryKey(id) || strings.Contains(id, "_"+strings.TrimPrefix(key, sourceKey(""))+"_") {
			return fmt.Errorf("the record of the command log at offset %d cannot be read and may define query %s", offset, id), false
		}
	}
	for _, en := range l.entries {
		if en.Plan != nil && en.Plan.QueryID == id {
			return nil, true
		}
	}
	return nil, false
}

// removeQuery deletes what a query leaves behind: internal topics, its group, its state.
func (e *Engine) removeQuery(ctx context.Context, id string) error {
	app := applicationID(e.cfg.ServiceID, id)
	err := e.removeApplication(ctx, app)
	if e.cfg.StateDir != "" {
		if e := os.RemoveAll(filepath.Join(e.cfg.StateDir, app)); e != nil {
			err = errors.Join(err, fmt.Errorf("remove the state of query %s: %w", id, e))
		}
	}
	return err
}

// removeApplication deletes the internal topics and the group of an application.
func (e *Engine) removeApplication(ctx context.Context, app string) error {
	topics, err := e.cluster.list(ctx)
	for _, t := range topics {
		if strings.HasPrefix(t.name, app+"-") {
			err = errors.Join(err, e.cluster.deleteTopic(ctx, t.name))
		}
	}
	if e.instance != "" {
		if err := e.cluster.leaveGroup(ctx, app, e.instance); err != nil {
			e.log.Debug("leave a consumer group", "group", app, "err", err)
		}
	}
	return errors.Join(err, e.cluster.deleteGroup(ctx, app))
}

// restoreEntry undoes what a superseded engine has written to the command log.
func (e *Engine) restoreEntry(ctx context.Context, key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.commands.restore(ctx, key); err != nil {
		e.log.Warn("write an object of the command log again, over that of a superseded engine", "key", key, "err", err)
	}
}
