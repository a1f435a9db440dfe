package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// releaseCode gives back the pages of the program's own file that starting it brought in: most of what a start runs or
// reads never comes again, and the kernel maps sixteen pages around each one that is touched. They stay in the page
// cache, so what is needed after all costs a minor fault.
func releaseCode() error {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("own program: %w", err)
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("own mappings: %w", err)
	}
	defer f.Close()
	var m mapping
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if next, ok := parseMapping(lines.Text()); ok {
			m = next
			continue
		}
		// Only what is as in the file: a page that the loader changed would be lost.
		if m.path != exe || m.writable || !strings.HasPrefix(lines.Text(), "Anonymous:") {
			continue
		}
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[1] == "0" {
			if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED); errno != 0 {
				return fmt.Errorf("release %s: %w", m.path, errno)
			}
		}
	}
	return lines.Err()
}

// mapping is a line of /proc/self/maps.
type mapping struct {
	start, end uintptr
	writable   bool
	path       string
}

// parseMapping reads a line such as
//
//	00400000-01a2b000 r-xp 00000000 fe:00 131 /usr/bin/chortal
//
// and reports false for any other.
func parseMapping(line string) (mapping, bool) {
	fields := strings.Fields(line)
	if len(fields) < 5 || strings.HasSuffix(fields[0], ":") {
		return mapping{}, false
	}
	low, high, ok := strings.Cut(fields[0], "-")
	start, err1 := strconv.ParseUint(low, 16, 64)
	end, err2 := strconv.ParseUint(high, 16, 64)
	if !ok || err1 != nil || err2 != nil || len(fields[1]) != 4 {
		return mapping{}, false
	}
	m := mapping{start: uintptr(start), end: uintptr(end), writable: fields[1][1] == 'w'}
	if len(fields) > 5 {
		m.path = strings.Join(fields[5:], " ")
	}
	return m, true
}
