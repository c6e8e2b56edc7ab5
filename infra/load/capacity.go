package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// capacity puts results into CAPACITY.md, which lies in the folder -out: it keeps them in results, draws their charts
// into charts, and writes their tables between the comments <!-- NAME --> and <!-- end -->. The name is the scenario,
// with the stage if that is not embedded.
func capacity(_ context.Context, o options) error {
	document := filepath.Join(o.out, "CAPACITY.md")
	content, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	for _, folder := range []string{"results", "charts"} {
		if err := os.MkdirAll(filepath.Join(o.out, folder), 0o755); err != nil {
			return err
		}
	}
	text := string(content)
	err = each(o.args, func(r *result, _ string) error {
		name := r.Scenario
		if r.Site != "embedded" {
			name += "-" + r.Site
		}
		short, err := json.Marshal(r)
		if err == nil {
			err = os.WriteFile(filepath.Join(o.out, "results", name+".json"), append(short, '\n'), 0o600)
		}
		for _, c := range r.charts() {
			path := filepath.Join(o.out, "charts", name+"-"+c.name+".svg")
			err = errors.Join(err, os.WriteFile(path, []byte(c.svg()), 0o600))
		}
		if err == nil {
			text, err = replaceBlock(text, name, r.markdown(name))
		}
		return err
	})
	if err != nil {
		return err
	}
	return os.WriteFile(document, []byte(text), 0o600)
}

// replaceBlock replaces what stands between <!-- name --> and the next <!-- end -->.
func replaceBlock(text, name, block string) (string, error) {
	begin := "<!-- " + name + " -->\n"
	before, rest, ok := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !ok || !ended {
		return "", fmt.Errorf("CAPACITY.md has no %q with an end", strings.TrimSpace(begin))
	}
	return before + begin + block + "<!-- end -->" + after, nil
}

// markdown returns the result's tables and charts.
func (r *result) markdown(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, in the stage %s, on %s:\n%s, load %s before, %.0f %% of the processors' time in use.\n",
		r.Title, r.Site, r.Started.UTC().Format("2 January 2006"), r.Machine.what(), number(r.Machine.LoadBefore),
		100*r.Machine.Busy)
	if r.Note != "" {
		fmt.Fprintf(&b, "**Note: %s.**\n", r.Note)
	}
	for _, t := range r.tables() {
		fmt.Fprintf(&b, "\n| %s |\n|---%s|\n", strings.Join(t.head, " | "), strings.Repeat("|---", len(t.head)-1))
		for _, row := range t.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
	}
	b.WriteString("\n")
	for _, c := range r.charts() {
		fmt.Fprintf(&b, "![%s, %s](charts/%s-%s.svg)\n\n", c.title, c.unit, name, c.name)
	}
	return b.String()
}

// reports writes the page of each result anew.
func reports(_ context.Context, o options) error {
	return each(o.args, func(r *result, path string) error {
		path = strings.TrimSuffix(path, ".json") + ".html"
		fmt.Println(path)
		return os.WriteFile(path, []byte(page(r)), 0o600)
	})
}

func each(paths []string, do func(r *result, path string) error) error {
	if len(paths) == 0 {
		return errors.New("name the JSON files of results")
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var r result
		if err := json.Unmarshal(content, &r); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := do(&r, path); err != nil {
			return err
		}
	}
	return nil
}
