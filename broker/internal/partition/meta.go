package partition

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	iofs "io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/chortal/chortal/broker/internal/fs"
)

const (
	metaFile     = "meta.properties"
	metadataFile = "partition.metadata"
	lockFile     = ".lock"
	// cleanFile says that the log dir was closed in order.
	cleanFile    = ".kafka_cleanshutdown"
	deleteSuffix = "-delete"
)

// maxMeta bounds what is read of the small files.
const maxMeta = 64 << 10

// newID is a random id in Kafka's text form: 22 characters, not beginning with a dash.
func newID() string {
	for {
		var id [16]byte
		rand.Read(id[:]) // never fails
		id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
		if text := encodeID(id); text[0] != '-' {
			return text
		}
	}
}

func encodeID(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

func decodeID(text string) (id [16]byte, err error) {
	p, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(p) != len(id) {
		return id, fmt.Errorf("id %q is not 22 characters of base64", text)
	}
	return [16]byte(p), nil
}

// parseProperties reads key=value lines.
func parseProperties(data []byte, separator string) map[string]string {
	props := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, separator); ok && !strings.HasPrefix(line, "#") {
			props[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return props
}

// readMeta gives the cluster id of a formatted log dir, "" of an empty one. Another node's dir is refused.
func (d *logDir) readMeta(nodeID int32) (clusterID string, err error) {
	data, err := fs.ReadFile(d.fs, metaFile, maxMeta)
	if errors.Is(err, iofs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	props := parseProperties(data, "=")
	if v := props["version"]; v != "1" && v != "0" {
		return "", fmt.Errorf("%s: version %q is not known", metaFile, v)
	}
	id := props["node.id"]
	if id == "" {
		id = props["broker.id"]
	}
	if n, err := strconv.ParseInt(id, 10, 32); err != nil || int32(n) != nodeID {
		return "", fmt.Errorf("%s belongs to node %q, this is node %d", metaFile, id, nodeID)
	}
	return props["cluster.id"], nil
}

func (d *logDir) writeMeta(clusterID string, nodeID int32, now time.Time) error {
	text := fmt.Sprintf("#\n#%s\ncluster.id=%s\ndirectory.id=%s\nnode.id=%d\nversion=1\n",
		now.UTC().Format("Mon Jan 02 15:04:05 MST 2006"), clusterID, newID(), nodeID)
	return fs.WriteFileAtomic(d.fs, metaFile, []byte(text))
}

// readTopicID reads partition.metadata; ok is false if it is missing or damaged, as after a crash before the first
// flush.
func (d *logDir) readTopicID(tp TopicPartition) (id [16]byte, ok bool, err error) {
	data, err := fs.ReadFile(d.fs, path.Join(tp.String(), metadataFile), maxMeta)
	if errors.Is(err, iofs.ErrNotExist) {
		return id, false, nil
	}
	if err != nil {
		return id, false, err
	}
	id, err = decodeID(parseProperties(data, ":")["topic_id"])
	return id, err == nil, nil
}

// writeTopicID writes partition.metadata without a sync, see Partition.syncFolder.
func (d *logDir) writeTopicID(tp TopicPartition, id [16]byte) (err error) {
	f, err := d.fs.Create(path.Join(tp.String(), metadataFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(fmt.Appendf(nil, "version: 0\ntopic_id: %s\n", encodeID(id)), 0); err != nil {
		return fmt.Errorf("write %s of %v: %w", metadataFile, tp, err)
	}
	return nil
}

// parseFolder reads a folder's name.
func parseFolder(name string) (tp TopicPartition, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return tp, false
	}
	index, err := strconv.ParseInt(name[i+1:], 10, 32)
	if err != nil || index < 0 || strconv.FormatInt(index, 10) != name[i+1:] {
		return tp, false
	}
	return TopicPartition{name[:i], int32(index)}, checkTopic(name[:i]) == nil
}

// checkTopic refuses names that could not be a folder's.
func checkTopic(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return fmt.Errorf("topic name %q of %d characters", name, len(name))
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return fmt.Errorf("topic name %q has a %q", name, c)
		}
	}
	return nil
}
