package app

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	"risingstars/modules/identity"
	"risingstars/platform/database"
)

func injectCommand() *cobra.Command {
	var o injection
	command := &cobra.Command{
		Use:   "inject FILE",
		Short: "Put copies of a clip straight into the queue, for a load test of the workers",
		Long: "Store a clip several times, as if so many people had uploaded it, and queue each for processing. All\n" +
			"belong to one made-up account. It prints the id of each video. It is for a site for tests: the clips\n" +
			"are published. `go run ./infra/load workers` uses it and shows what becomes of them.",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(1)(cmd, args); err != nil {
				return err
			}
			return o.validate()
		},
		RunE: withExisting(database.Change, func(cmd *cobra.Command, a *app, args []string) error {
			return o.run(cmd, a, args[0])
		}),
	}
	flags := command.Flags()
	flags.IntVar(&o.count, "count", 10, "copies of the clip")
	flags.Float64Var(&o.rate, "rate", 0, "copies per minute; 0: all at once")
	return command
}

// injection is how copies of a clip go into the queue.
type injection struct {
	count int
	rate  float64 // per minute; 0: all at once
}

func (o injection) validate() error {
	switch {
	case o.count < 1 || o.count > 100_000:
		return errors.New("--count must be from 1 to 100000")
	case !(o.rate >= 0 && o.rate <= 60_000): // as NaN is not, either
		return errors.New("--rate must be from 0 to 60000")
	}
	return nil
}

func (o injection) run(cmd *cobra.Command, a *app, path string) error {
	ctx := cmd.Context()
	// Nobody can sign in to the account: its password hash is that of no password.
	owner := crowd{seed: rand.Uint64(), cities: 1, contestants: 1}.person(0, "") //nolint:gosec // nothing secret
	if err := a.identity.Seed(ctx, []identity.User{owner}); err != nil {
		return err
	}
	due := time.Now()
	for i := range o.count {
		if o.rate > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Until(due)):
			}
			due = due.Add(time.Duration(float64(time.Minute) / o.rate))
		}
		id, err := o.one(cmd, a, path, owner.ID, i)
		if err != nil {
			return fmt.Errorf("clip %d of %d: %w", i+1, o.count, err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), id)
	}
	return nil
}

func (o injection) one(cmd *cobra.Command, a *app, path, ownerID string, i int) (string, error) {
	clip, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer clip.Close()
	info, err := clip.Stat()
	if err != nil {
		return "", err
	}
	return a.media.Inject(cmd.Context(), ownerID, fmt.Sprintf("Load test %d", i+1), "", clip, info.Size())
}
