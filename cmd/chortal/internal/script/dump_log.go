package script

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/chortal/chortal/broker/logdump"
)

func dumpLogTool() Tool {
	return Tool{
		Name: "kafka-dump-log", About: "This tool helps to parse a log file and dump its contents to the console, useful for debugging a seemingly corrupt log segment.", run: runDumpLog, offline: true,
		flags: []flag{
			{"files", "file1, file2, ...", "REQUIRED: The comma separated list of data and index log files to be dumped."},
			{"print-data-log", "", "Print the records."},
			{"deep-iteration", "", "Show the records of batches."},
			{"skip-record-metadata", "", "Show nothing of a record but its key and value."},
			{"index-sanity-check", "", "Only check the indexes."},
			{"verify-index-only", "", "Only check the indexes against the log."},
			{"offsets-decoder", "", "Records of __consumer_offsets."},
			{"transaction-log-decoder", "", "Records of __transaction_state."},
			{"cluster-metadata-decoder", "", "Records of __cluster_metadata."},
			{"max-bytes", "size", "Most bytes to read of a log."},
			{"max-message-size", "size", "Largest batch."},
			{"key-decoder-class", "[class]", "Accepted for compatibility."},
			{"value-decoder-class", "[class]", "Accepted for compatibility."},
		},
	}
}

func runDumpLog(_ context.Context, c *call) error {
	files := c.list("files")
	if len(files) == 0 {
		return misuse("Missing required argument \"[files]\"")
	}
	o := logdump.Options{
		PrintData: c.has("print-data-log"), DeepIteration: c.has("deep-iteration"), SkipRecordMetadata: c.has("skip-record-metadata"),
		IndexSanity: c.has("index-sanity-check"), VerifyIndexOnly: c.has("verify-index-only"), Decoder: logdump.Text,
		Open: func(path string) (logdump.File, error) { return os.Open(path) },
	}
	for name, decoder := range map[string]logdump.Decoder{"offsets-decoder": logdump.Offsets, "transaction-log-decoder": logdump.Transactions, "cluster-metadata-decoder": logdump.ClusterMetadata} {
		if c.has(name) {
			o.Decoder, o.PrintData = decoder, true
		}
	}
	if n, err := strconv.ParseInt(c.value("max-bytes"), 10, 64); err == nil {
		o.MaxBytes = n
	}
	d := logdump.New(c.Out, o)
	for _, f := range files {
		if !logdump.Known(f) {
			c.printf("Dumping %s\n", f)
			fmt.Fprintf(c.Err, "Ignoring unknown file %s\n", f)
			continue
		}
		if err := d.Dump(f); err != nil {
			return err
		}
	}
	_, err := d.Report()
	return err
}
