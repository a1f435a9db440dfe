package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/chortal/chortal/broker/logdump"
	"github.com/spf13/cobra"
)

func newLog(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "log",
		Short: "Read the files of a broker's data directory",
		Long:  "Read the files of a broker's data directory, of chortal or of Apache Kafka, without a broker.",
		Example: `  chortal log dump chortal-data/ventas-0
  chortal log dump chortal-data/__consumer_offsets-3 --print-data-log`,
	}
	c.AddCommand(newLogDump(s))
	return c
}

func newLogDump(s *settings) *cobra.Command {
	var (
		o       logdump.Options
		decoder string
	)
	c := &cobra.Command{
		Use:   "dump FILE|FOLDER...",
		Short: "Show what stands in segments, indexes and the other files of a data directory",
		Long: `Show what stands in segments, indexes, transaction indexes, producer snapshots, checkpoints and
the metadata log, in the words of Kafka's DumpLogSegments. Of a folder, all files that are
known, and those of its folders. Indexes are checked against their segments. The records of
__consumer_offsets, __transaction_state and __cluster_metadata are decoded; --decoder says so
where a folder has another name. Ends with 1 where a file is damaged or an index is wrong.`,
		Example: `  chortal log dump chortal-data/ventas-0/00000000000000000000.log --deep-iteration
  chortal log dump chortal-data/__consumer_offsets-3 --print-data-log
  chortal log dump chortal-data --verify-index-only`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var ok bool
			if o.Decoder, ok = decoders()[decoder]; !ok {
				return usage(c, fmt.Errorf("--decoder %s: want auto, text, offsets, transactions or cluster-metadata", decoder))
			}
			files, err := dumpFiles(args)
			if err != nil {
				return err
			}
			return s.dump(files, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.DeepIteration, "deep-iteration", false, "records, not only batches")
	f.BoolVar(&o.PrintData, "print-data-log", false, "keys and values of the records")
	f.BoolVar(&o.SkipRecordMetadata, "skip-record-metadata", false, "nothing of a record but its key and value")
	f.StringVar(&decoder, "decoder", "auto", "what records are: auto, text, offsets, transactions, cluster-metadata")
	f.BoolVar(&o.IndexSanity, "index-sanity-check", false, "only check that indexes are sound in themselves")
	f.BoolVar(&o.VerifyIndexOnly, "verify-index-only", false, "only check indexes against their segments")
	f.Int64Var(&o.MaxBytes, "max-bytes", 0, "most bytes to read of a segment; 0 reads all")
	f.IntVar(&o.MaxBatchBytes, "max-message-size", 0, "largest batch in bytes; 0 is 128 MiB")
	return c
}

func decoders() map[string]logdump.Decoder {
	return map[string]logdump.Decoder{
		"auto": logdump.ByTopic, "text": logdump.Text, "offsets": logdump.Offsets, "transactions": logdump.Transactions, "cluster-metadata": logdump.ClusterMetadata,
	}
}

// dumpFiles lists the files that are named, and the known ones below the folders that are.
func dumpFiles(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && logdump.Known(path) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (s *settings) dump(files []string, o logdump.Options) error {
	o.Open = func(path string) (logdump.File, error) { return os.Open(path) }
	d := logdump.New(s.out, o)
	err := s.each(files, func(file string) error { return ignoreBrokenPipe(d.Dump(file)) })
	wrong, reportErr := d.Report()
	if wrong > 0 {
		reportErr = errors.Join(reportErr, fmt.Errorf("%d places in which files do not agree", wrong))
	}
	if err == nil {
		err = reportErr
	}
	return err
}
