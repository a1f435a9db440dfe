package torture

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// The disk is full for a while, 20 times, while everything goes on: no call fails for good, nothing is lost, and the
// broker goes on by itself when there is room again. CHORTAL_DISK_FULL=1 asks for it: it mounts a volume, as root.
func TestDiskFull(t *testing.T) {
	if os.Getenv("CHORTAL_DISK_FULL") == "" {
		t.Skip("CHORTAL_DISK_FULL is not set")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	target := Chortal(chortal(t))
	target.Bad = "panic|fatal error|DATA RACE|offline" // that a write fails may be told as an error
	report, err := Run(t.Context(), target, Profile{
		Seed: 1, Budget: Duration(25 * time.Second), Faults: map[string]int{"fill": 1},
		Every: [2]Duration{Duration(50 * time.Millisecond), Duration(150 * time.Millisecond)}, Pace: Duration(10 * time.Millisecond),
		TopicConfig: map[string]string{"segment.bytes": "65536"},
	}, Options{Dir: dir, Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
	if fills := report.Faults["fill"]; fills < 20 {
		t.Errorf("the disk was full %d times, want 20", fills)
	}
	for _, a := range report.Anomalies {
		t.Error(a)
	}
}
