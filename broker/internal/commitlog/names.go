package commitlog

import (
	"fmt"
	"strconv"
	"strings"
)

// The suffixes of a segment's files, as Kafka names them.
const (
	suffixLog       = ".log"
	suffixIndex     = ".index"
	suffixTimeIndex = ".timeindex"
	suffixTxnIndex  = ".txnindex"
	suffixSnapshot  = ".snapshot"

	suffixDeleted = ".deleted" // waits for its delayed deletion
	suffixCleaned = ".cleaned" // an unfinished compaction
	suffixSwap    = ".swap"    // a compacted segment that takes its place
	suffixTmp     = ".tmp"

	epochFile = "leader-epoch-checkpoint"
)

// segmentSuffixes are the files that belong to a segment and go with it.
var segmentSuffixes = []string{suffixLog, suffixIndex, suffixTimeIndex, suffixTxnIndex}

// fileName is the base offset in 20 digits and a suffix.
func fileName(base int64, suffix string) string { return fmt.Sprintf("%020d%s", base, suffix) }

// parseName reads the base offset of a file of one suffix.
func parseName(name, suffix string) (base int64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	base, err := strconv.ParseInt(digits, 10, 64)
	return base, err == nil && base >= 0
}
