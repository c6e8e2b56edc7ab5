// Package app is the program: its commands, the composition of platform and modules for each stage, and the adapters
// between modules. It is the only package that imports modules and config. Only package main and the end-to-end tests
// import it.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"risingstars/config"
	"risingstars/platform/box"
	"risingstars/platform/telemetry"
)

// version and revision are set by the build; the commit is mostly known without the second one.
var (
	version  = "1.0.0"
	revision string
)

// Exit codes, so that scripts can distinguish the outcomes.
const (
	exitFailure = 1 // the command failed, or a second signal ended it at once
	exitUsage   = 2 // nothing was tried, because flags, arguments or configuration are wrong
)

// Main runs the command line of the process and exits with its exit code: 0 for success; 1 if the command failed; 2 if
// nothing was tried, because flags, arguments or configuration are wrong. The first SIGINT, SIGTERM or SIGHUP asks the
// command to stop; a second one exits with 1 at once.
func Main() {
	box.Main()
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitFailure) //nolint:revive // Main is the program's main function
	}()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr)) //nolint:revive // as above
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var problems config.Problems
	switch {
	case err == nil:
		return 0
	case errors.As(err, &problems), errors.As(err, &usageError{}):
		fmt.Fprintf(stderr, "app: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "app: %s\n", oneLine(err.Error()))
		return exitFailure
	}
}

type usageError struct{ error }

// oneLine puts an error's text on one line, because scripts read line by line and a driver's error may have several.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "app",
		Short:         "Rising Stars Showcase: a video contest in one binary",
		Version:       build(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	config.Flags(root.PersistentFlags())
	root.AddCommand(
		serveCommand(), workCommand(), migrateCommand(), queueCommand(), storageCommand(), processCommand(),
		doctorCommand(), configCommand(), statusCommand(), reprocessCommand(), rebrandCommand(), brandingCommand(),
		roleCommand(), totpCommand(), accountCommand(), resultsCommand(), backupCommand(), restoreCommand(),
		seedCommand(), demoCommand(), injectCommand(), healthcheckCommand(), versionCommand(),
	)
	strict(root)
	return root
}

// strict turns wrong arguments into usage errors, and lets a command that only groups others print its help.
func strict(cmd *cobra.Command) {
	check := cmd.Args
	if !cmd.Runnable() {
		check = cobra.NoArgs
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
	for _, child := range cmd.Commands() {
		strict(child)
	}
}

// setup reads the configuration of a command, creates its logger and logs what the configuration warns of.
func setup(cmd *cobra.Command) (*config.Config, *slog.Logger, error) {
	c, report, err := loadConfig(cmd)
	if err != nil {
		return nil, nil, err
	}
	log, err := telemetry.NewLogger(cmd.ErrOrStderr(), c.Log.Level, c.Log.Format)
	if err != nil {
		return nil, nil, err
	}
	for _, warning := range report.Warnings {
		log.WarnContext(cmd.Context(), "configuration: "+warning)
	}
	return c, log, nil
}

// loadConfig reads the configuration of a command, and lets the SDKs see what only the file has.
func loadConfig(cmd *cobra.Command) (*config.Config, config.Report, error) {
	c, report, err := config.Load(config.DotenvFile(), cmd.Flags())
	for name, value := range report.SDK {
		err = errors.Join(err, os.Setenv(name, value))
	}
	return c, report, err
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version on the first line, then the commit, Go's version and ffmpeg's",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printVersion(cmd.Context(), cmd.OutOrStdout())
		},
	}
}
