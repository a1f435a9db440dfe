// Command gen writes the sample sales to standard output.
package main

import (
	"log"
	"os"

	"github.com/chortal/chortal/internal/ventas"
)

func main() {
	if err := ventas.WriteSample(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
