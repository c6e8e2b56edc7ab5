package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"risingstars/modules/identity"
	"risingstars/platform/lifecycle"
)

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Serve a site that fills itself with a dozen made-up performances, accounts and votes",
		Long: "Serve as `app serve` does. If there are no accounts yet, ffmpeg records a dozen performances\n" +
			"meanwhile, the worker publishes them, and made-up people vote: within two minutes the whole site can\n" +
			"be seen. A site that has accounts is served as it is.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, log, err := setup(cmd)
			if err != nil {
				return err
			}
			if !c.Embedded() || c.Queue.Backend != "embedded" {
				return errors.New("a demonstration needs the embedded stage: neither DATABASE_URL nor REDIS_URL")
			}
			limitMemory()
			a, err := newApp(cmd.Context(), c, log, appOptions{worker: true})
			if err != nil {
				return err
			}
			accounts, err := a.identity.Count(cmd.Context())
			if err != nil {
				return errors.Join(err, a.close())
			}
			var filling []lifecycle.Service
			if accounts == 0 {
				filling = append(filling, lifecycle.Loop("demonstration", func(ctx context.Context) {
					if err := a.fillDemo(ctx, cmd.OutOrStdout()); err != nil && ctx.Err() == nil {
						a.log.ErrorContext(ctx, "the demonstration is not complete", "error", err)
					}
				}))
			}
			return a.serve(cmd.Context(), true, filling...)
		},
	}
}

// demoVoters is how many people vote in a demonstration.
const demoVoters = 40

// fillDemo returns when all performances are published and have their votes.
func (a *app) fillDemo(ctx context.Context, out io.Writer) error {
	password := rand.Text()
	hash, err := a.identity.HashPassword(password)
	if err != nil {
		return err
	}
	shows, voters := performances(), make([]identity.User, demoVoters)
	people := make([]identity.User, len(shows))
	for i, p := range shows {
		people[i] = identity.User{
			ID: uuid.Must(uuid.NewV7()).String(), Email: fmt.Sprintf("demo%d@example.com", i+1), PasswordHash: hash,
			FirstName: p.first, LastName: p.last, City: p.city, Country: p.country, CreatedAt: time.Now(),
		}
	}
	crowd := crowd{seed: 1, cities: 12, voters: demoVoters}
	for i := range voters {
		voters[i] = crowd.person(i, hash)
	}
	if err := a.identity.Seed(ctx, slices.Concat(voters, people)); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n  Filling the site. Sign in as %s with %s\n\n", people[0].Email, password)
	folder, err := os.MkdirTemp("", "demo-*")
	if err != nil {
		return fmt.Errorf("create a folder for the clips: %w", err)
	}
	defer os.RemoveAll(folder)
	ids := make([]string, len(shows))
	for i, p := range shows {
		if ids[i], err = a.perform(ctx, p, people[i].ID, folder, i); err != nil {
			return err
		}
	}
	return a.applaud(ctx, ids, voters)
}

// perform records a clip and uploads it.
func (a *app) perform(ctx context.Context, p performance, ownerID, folder string, i int) (string, error) {
	path, err := p.record(ctx, folder, i)
	if err != nil {
		return "", err
	}
	clip, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer clip.Close()
	info, err := clip.Stat()
	if err != nil {
		return "", err
	}
	return a.media.Inject(ctx, ownerID, p.title, p.text, clip, info.Size())
}

// applaud casts votes for each video as soon as it is published.
func (a *app) applaud(ctx context.Context, ids []string, voters []identity.User) error {
	const most = 10 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	done := map[string]bool{}
	for len(done) < len(ids) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d videos to be published: %w", len(ids)-len(done), ctx.Err())
		case <-time.After(time.Second):
		}
		published, err := a.voting.Tallies(ctx, ids)
		if err != nil {
			return err
		}
		for i, id := range ids {
			if _, ok := published[id]; !ok || done[id] {
				continue
			}
			done[id] = true
			for n := range 2 + (i*7+3)%(len(voters)-2) {
				if _, err := a.voting.Vote(ctx, id, voters[(n+5*i)%len(voters)].ID); err != nil {
					return err
				}
			}
		}
	}
	a.log.InfoContext(ctx, "the demonstration is complete", "videos", len(ids))
	return nil
}
