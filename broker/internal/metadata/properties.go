package metadata

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/chortal/chortal/broker/internal/fs"
)

// PropertiesName is Kafka's file that ties a log dir to a node of a cluster.
const PropertiesName = "meta.properties"

// Properties is the content of meta.properties.
type Properties struct {
	ClusterID   string
	NodeID      int32
	DirectoryID TopicID
}

// FormatDirs reads meta.properties of every log dir and writes it where it is
// missing, under the cluster id of the others or a new one. It returns them in
// the order of dirs. Errors: a dir that belongs to another cluster or node, or
// one that holds partitions and no meta.properties.
func FormatDirs(dirs []fs.FS, node int32) ([]Properties, error) {
	all := make([]Properties, len(dirs))
	missing := make([]bool, len(dirs))
	cluster := ""
	for i, dir := range dirs {
		p, err := readProperties(dir)
		if errors.Is(err, iofs.ErrNotExist) {
			if err := checkEmpty(dir); err != nil {
				return nil, fmt.Errorf("format log dir %d: %w", i, err)
			}
			missing[i] = true
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s of log dir %d: %w", PropertiesName, i, err)
		}
		switch {
		case p.NodeID != node:
			return nil, fmt.Errorf("log dir %d belongs to node %d, not to node %d", i, p.NodeID, node)
		case cluster != "" && cluster != p.ClusterID:
			return nil, fmt.Errorf("log dir %d belongs to cluster %s, another one to %s", i, p.ClusterID, cluster)
		}
		cluster, all[i] = p.ClusterID, p
	}
	if cluster == "" {
		cluster = NewTopicID().String()
	}
	for i, dir := range dirs {
		if !missing[i] {
			continue
		}
		all[i] = Properties{ClusterID: cluster, NodeID: node, DirectoryID: NewTopicID()}
		if err := fs.WriteFileAtomic(dir, PropertiesName, all[i].text()); err != nil {
			return nil, fmt.Errorf("format log dir %d: %w", i, err)
		}
	}
	return all, nil
}

func (p Properties) text() []byte {
	return fmt.Appendf(nil, "#\ncluster.id=%s\ndirectory.id=%s\nnode.id=%d\nversion=1\n", p.ClusterID, p.DirectoryID, p.NodeID)
}

func readProperties(dir fs.FS) (Properties, error) {
	data, err := fs.ReadFile(dir, PropertiesName, 1<<16)
	if err != nil {
		return Properties{}, err
	}
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, "="); ok && line[0] != '#' {
			values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	if v := values["version"]; v != "1" {
		return Properties{}, fmt.Errorf("version %q is not 1", v)
	}
	node, err := strconv.ParseInt(values["node.id"], 10, 32)
	if err != nil {
		return Properties{}, fmt.Errorf("node.id: %w", err)
	}
	if values["cluster.id"] == "" {
		return Properties{}, errors.New("cluster.id is missing")
	}
	p := Properties{ClusterID: values["cluster.id"], NodeID: int32(node)}
	if id := values["directory.id"]; id != "" {
		if p.DirectoryID, err = ParseTopicID(id); err != nil {
			return Properties{}, fmt.Errorf("directory.id: %w", err)
		}
	}
	return p, nil
}

var partitionDir = regexp.MustCompile(`^[a-zA-Z0-9._-]+-[0-9]+$`)

// checkEmpty refuses a dir that somebody's partitions lie in.
func checkEmpty(dir fs.FS) error {
	names, err := dir.List(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if info, err := dir.Stat(name); err == nil && info.IsDir && partitionDir.MatchString(name) {
			return fmt.Errorf("it has no %s, but the partition %s", PropertiesName, name)
		}
	}
	return nil
}
