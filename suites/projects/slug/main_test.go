package main

import "testing"

// Titles become what a file can be called, with nothing at the ends.
func TestSlug(t *testing.T) {
	for title, want := range map[string]string{
		"":                      "",
		"Crème Brûlée, 2 ways!": "creme-brulee-2-ways",
		"  ½ of it  ":           "1-2-of-it",
		"ＷＩＤＥ":                  "wide",
	} {
		if got := slug(title); got != want {
			t.Errorf("slug(%q) = %q, want %q", title, got, want)
		}
	}
}
