package metadata

import "testing"

// Walk gives the records of a file in order, and counts what a crash left of a frame.
func TestWalk(t *testing.T) {
	file := appendHeader(nil, header{offset: 3, frames: 1})
	file = appendFrame(file, 3, []Record{&TopicRecord{Name: "ventas"}})
	file = appendFrame(file, 4, []Record{&TopicRecord{Name: "clientes"}, &TopicRecord{Name: "precios"}})
	whole := len(file)
	file = append(file, appendFrame(nil, 6, []Record{&TopicRecord{Name: "cut"}})[:9]...)
	var got []string
	torn, err := Walk(file, func(offset int64, snapshot bool, r Record) error {
		name := "TopicRecord " + map[bool]string{true: "s", false: "-"}[snapshot]
		if RecordName(r) != "TopicRecord" {
			t.Errorf("record %T is named %s", r, RecordName(r))
		}
		got = append(got, name+" "+string(rune('0'+offset)))
		return nil
	})
	want := []string{"TopicRecord s 3", "TopicRecord - 4", "TopicRecord - 5"}
	if err != nil || torn != len(file)-whole || len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%q, %d torn, %v; want %q", got, torn, err, want)
	}
	if _, err := Walk([]byte("nothing"), nil); err == nil {
		t.Error("a file without a header is taken")
	}
}
