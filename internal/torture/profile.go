package torture

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Profile says what a run does. Together with a seed it fixes the run as far as timing allows. The zero value of each
// field has the default that is named there.
type Profile struct {
	// Seed of all random choices.
	Seed uint64 `json:"seed"`
	// Budget is how long the broker is loaded and broken. The end, when all is healed and read, comes on top.
	Budget Duration `json:"budget"`
	// MinKills makes the run go on, up to five times its budget, until the broker was killed so often.
	MinKills int `json:"min_kills"`
	// Workloads to run; default: all. See the table workloads.
	Workloads []string `json:"workloads"`
	// Faults of the process and its disk, and their weights: kill, term, pause, fill. None: the broker is left alone.
	Faults map[string]int `json:"faults"`
	// Every is the shortest and the longest time that the broker runs between two of them; default 100 to 300 ms.
	Every [2]Duration `json:"every"`
	// NetFaults are faults of connections and their weights: cut, delay, block, drop, replay, hold.
	NetFaults map[string]int `json:"net_faults"`
	// NetEvery is the shortest and the longest time between two of them; default 100 to 500 ms.
	NetEvery [2]Duration `json:"net_every"`
	// Pace is the mean time between two steps of a worker; default 3 ms.
	Pace Duration `json:"pace"`
	// TopicConfig are configs of the topics with records.
	TopicConfig map[string]string `json:"topic_config"`
}

// Duration is a time.Duration that JSON writes as "100ms".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// ReadProfile reads a profile as JSON. A field that it does not know is an error.
func ReadProfile(r io.Reader) (Profile, error) {
	var p Profile
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p, fmt.Errorf("read profile: %w", err)
	}
	return p, nil
}

// withDefaults is the profile with every field set.
func (p Profile) withDefaults() (Profile, error) {
	if len(p.Workloads) == 0 {
		for _, w := range workloads {
			p.Workloads = append(p.Workloads, w.name)
		}
	}
	between := func(d *[2]Duration, low, high time.Duration) {
		if *d == ([2]Duration{}) {
			*d = [2]Duration{Duration(low), Duration(high)}
		}
	}
	between(&p.Every, 100*time.Millisecond, 300*time.Millisecond)
	between(&p.NetEvery, 100*time.Millisecond, 500*time.Millisecond)
	if p.Pace == 0 {
		p.Pace = Duration(3 * time.Millisecond)
	}
	for name := range p.Faults {
		if processFaults[name] == nil {
			return p, fmt.Errorf("no fault of a process is called %q", name)
		}
	}
	for name := range p.NetFaults {
		if netFaults[name] == nil {
			return p, fmt.Errorf("no fault of connections is called %q", name)
		}
	}
	for _, d := range [][2]Duration{p.Every, p.NetEvery} {
		if d[0] < 0 || d[1] < d[0] {
			return p, fmt.Errorf("times %v: want the shorter one first", d)
		}
	}
	return p, nil
}

func random(rng *rand.Rand, d [2]Duration) time.Duration {
	return time.Duration(int64(d[0]) + rng.Int64N(int64(d[1]-d[0])+1))
}
