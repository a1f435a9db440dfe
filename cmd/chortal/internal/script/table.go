package script

import (
	"fmt"
	"strings"
)

// tabs writes rows whose cells are padded to their column and followed by a tab, as the transaction and quorum tools do.
func (c *call) tabs(header []string, rows [][]string) {
	widths := make([]int, len(header))
	all := append([][]string{header}, rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range all {
		for i, cell := range row {
			c.printf("%-*s\t", widths[i], cell)
		}
		c.printf("\n")
	}
}

func jsonText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// numbers writes [1,2] with a separator.
func numbers(list []int32, separator string) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", separator), "[]")
}
