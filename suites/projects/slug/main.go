// Slug turns titles, one a line, into names for files and addresses.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const version = "0.1.0"

// slug keeps letters and digits in lower case, without accents, and puts a hyphen for all between.
func slug(title string) string {
	var made strings.Builder
	between := false
	for _, letter := range norm.NFKD.String(title) {
		switch {
		case unicode.Is(unicode.Mn, letter):
			// What a letter of its own became when it was taken apart.
		case unicode.IsLetter(letter) || unicode.IsDigit(letter):
			if between && made.Len() > 0 {
				made.WriteByte('-')
			}
			between = false
			made.WriteRune(unicode.ToLower(letter))
		default:
			between = true
		}
	}
	return made.String()
}

func slugs(titles io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(titles)
	for lines.Scan() {
		if _, err := fmt.Fprintln(out, slug(lines.Text())); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	asked := flag.Bool("version", false, "print the version")
	flag.Parse()
	if *asked {
		fmt.Println("slug", version)
		return
	}
	if err := slugs(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "slug:", err)
		os.Exit(1)
	}
}
