package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"text/tabwriter"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"risingstars/assets"
	"risingstars/config"
	"risingstars/modules/media"
	"risingstars/platform/branding"
)

// brand is the branding in force.
type brand struct {
	branding.Brand
	hash      string           // of what clips show
	processor *media.Processor // nil where no clips are processed
	warnings  branding.Problems
}

// openBrand reads the branding. All that is wrong with it is one error.
func (a *app) openBrand(ctx context.Context, worker bool) (err error) {
	cacheDir := ""
	if worker {
		cacheDir = a.c.BumperPath()
	}
	a.brand, err = readBrand(a.c, cacheDir, a.registry)
	for _, warning := range a.brand.warnings {
		a.log.WarnContext(ctx, "branding: "+warning)
	}
	return err
}

// readBrand reads the branding and builds this machine's processor, which keeps bumpers in cacheDir. If that is "",
// there is no processor, and the videos of the branding are not examined. What is wrong with the branding is an error
// of type config.Problems. registerer receives the processor's metrics; it may be nil.
func readBrand(c *config.Config, cacheDir string, registerer prometheus.Registerer) (b brand, err error) {
	builtIn, err := builtInBrand()
	if err != nil {
		return b, err
	}
	var problems branding.Problems
	b.Brand, b.warnings, err = branding.Read(c.Media.BrandingDir)
	if err != nil && !errors.As(err, &problems) {
		return b, err
	}
	b.hash = b.Hash(builtIn)
	if cacheDir != "" {
		var more branding.Problems
		o := processorOptions(c, cacheDir)
		o.Brand, o.Registerer = b.Brand, registerer
		if b.processor, err = media.NewProcessor(o); err != nil && !errors.As(err, &more) {
			return b, err
		}
		problems = append(problems, more...)
	}
	if len(problems) == 0 {
		return b, nil
	}
	var named config.Problems
	for _, problem := range problems {
		named = append(named, "BRANDING_DIR: "+problem)
	}
	return b, named
}

// processorOptions describe this machine's processor with the built-in branding.
func processorOptions(c *config.Config, cacheDir string) media.ProcessorOptions {
	return media.ProcessorOptions{Branding: assets.Branding(), CacheDir: cacheDir, Threads: c.Worker.FFmpegThreads}
}

// builtInBrand returns the identity of the built-in pictures.
func builtInBrand() (string, error) {
	var files [][]byte
	names, err := fs.Glob(assets.Branding(), "*.png") // sorted
	for _, name := range names {
		var content []byte
		if content, err = fs.ReadFile(assets.Branding(), name); err != nil {
			break
		}
		files = append(files, content)
	}
	if err != nil {
		return "", fmt.Errorf("read the built-in branding: %w", err)
	}
	return branding.Sum(files...), nil
}

// warm renders what the first clip would wait for. If it fails, the clips tell.
func (a *app) warm(ctx context.Context) {
	if err := a.brand.processor.Warm(ctx, rules(a.c)); err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "the first clips will wait for intro and outro", "error", err)
	}
}

// otherBrand is what an operator reads when this process has another branding than published clips.
const otherBrand = "the latest published clip has the branding %s, and this process has %s: give every process the " +
	"same BRANDING_DIR; after a change, run: app rebrand"

// compareBrand warns if the latest published clip has another branding.
func (a *app) compareBrand(ctx context.Context) error {
	latest, err := a.media.LatestBranding(ctx)
	if err == nil && latest != "" && latest != a.brand.hash {
		a.log.WarnContext(ctx, fmt.Sprintf(otherBrand, latest, a.brand.hash))
	}
	return err
}

// branding reports what is in force, unless it has reported already what is wrong with it.
func (d *doctor) branding(ctx context.Context, a *app, b *brand) {
	if b == nil {
		return
	}
	from := "built in"
	if d.c.Media.BrandingDir != "" {
		from = d.c.Media.BrandingDir
	}
	var plan media.RebrandPlan
	latest := ""
	if d.verdict("database") == fine {
		var err error
		rows := media.New(media.Deps{DB: a.db, Options: media.Options{Branding: b.hash}})
		if latest, err = rows.LatestBranding(ctx); err == nil {
			plan, err = rows.PlanRebrand(ctx)
		}
		if err != nil {
			d.report("branding", fail, "%v", err)
			return
		}
	}
	if latest != "" && latest != b.hash {
		d.report("branding", warn, otherBrand, latest, b.hash)
	} else {
		d.report("branding", fine, "%s, %s", b.hash, from)
	}
	if len(plan.Failed) > 0 {
		d.report("rebranding", warn, "%d clips could not be made again; list them with: app rebrand --dry-run",
			len(plan.Failed))
	}
}

func brandingCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "branding",
		Short: "Print the branding in force and where it comes from, or show it on a test picture (preview)",
		Args:  cobra.NoArgs,
		RunE: withBrand(temporaryFolder, func(cmd *cobra.Command, b brand, _ []string) error {
			return printBrand(cmd.OutOrStdout(), b)
		}),
	}
	command.AddCommand(&cobra.Command{
		Use:   "preview OUT",
		Short: "Write a test picture with sound to OUT, with the branding in force, and a poster beside it",
		Args:  cobra.ExactArgs(1),
		RunE: withBrand(bumperFolder, func(cmd *cobra.Command, b brand, args []string) error {
			return b.processor.Preview(cmd.Context(), args[0], showProgress(cmd.ErrOrStderr()))
		}),
	})
	return command
}

// withBrand returns a command function that reads the branding and runs the given function on it. Its bumpers are in
// folder.
func withBrand(
	folder func(*config.Config) (path string, forget func(), err error),
	run func(cmd *cobra.Command, b brand, args []string) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, _, err := loadConfig(cmd)
		if err != nil {
			return err
		}
		cacheDir, forget, err := folder(c)
		if err != nil {
			return err
		}
		defer forget()
		b, err := readBrand(c, cacheDir, nil)
		for _, warning := range b.warnings {
			fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", warning)
		}
		if err != nil {
			return err
		}
		return run(cmd, b, args)
	}
}

func printBrand(w io.Writer, b brand) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PART\tFROM\tWHAT")
	for _, part := range b.Parts() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", part.Name, part.From, part.Detail)
	}
	fmt.Fprintf(table, "hash\t\t%s\n", b.hash)
	return table.Flush()
}
