package broker

import (
	"bytes"
	"os"

	"github.com/chortal/chortal/broker/internal/fs"
	"github.com/chortal/chortal/broker/internal/partition"
)

// A broker that was killed has lost nothing that anybody saw: what it had given to the operating system is still there.
// Only if that has gone down too may the end of a log be another one than clients remember, and the partitions need a
// new leader epoch that tells them so (KIP-320). A new epoch that tells them nothing does harm: consumers look every
// position up again, and those that have just passed an aborted transaction believe that records were lost.

// bootFile holds the id of the operating system's run in which the log dir was used last: the version, 0, and the id,
// each on a line of its own.
const bootFile = "boot-id-checkpoint"

// maxBootID bounds what is read of an id.
const maxBootID = 128

// bootID identifies this run of the operating system; it is empty where that is not known.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(id) > maxBootID {
		return ""
	}
	return string(bytes.TrimSpace(id))
}

// sameBoot says whether all log dirs were used last in the run of the operating system that has this id, and notes it
// in them. Where it cannot be told, they were not.
func sameBoot(dirs []partition.Dir, id string) bool {
	if id == "" {
		return false
	}
	same := len(dirs) > 0
	text := []byte("0\n" + id + "\n")
	for _, d := range dirs {
		before, err := fs.ReadFile(d.FS, bootFile, maxBootID+3)
		if err == nil && bytes.Equal(before, text) {
			continue
		}
		same = false
		_ = fs.WriteFileAtomic(d.FS, bootFile, text) // without it the next start makes new epochs, which is always right
	}
	return same
}
