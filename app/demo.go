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
			"meanwhile, the worker publishes them, and made-up people vote: within two minutes on two processors,\n" +
			"the whole site can be seen. A folder that has accounts is served as it is: the next demonstration\n" +
			"needs an empty one.",
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
			if accounts > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "\n  %s has accounts, and is served as it is. "+
					"For a new demonstration, name an empty folder in DATA_DIR.\n\n", c.Data.Dir)
				return a.serve(cmd.Context(), true)
			}
			return a.serve(cmd.Context(), true, lifecycle.Loop("demonstration", func(ctx context.Context) {
				if err := a.fillDemo(ctx, cmd.OutOrStdout()); err != nil && ctx.Err() == nil {
					a.log.ErrorContext(ctx, "the demonstration is not complete", "error", err)
				}
			}))
		},
	}
}

// demoVoters is how many people vote in a demonstration.
const demoVoters = 40

// fillDemo returns when all performances that could be made are published and have their votes, or when ctx ends.
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
	uploaded, applauded := make(chan string, len(shows)), make(chan struct{})
	go func() {
		defer close(applauded)
		a.applaud(ctx, uploaded, voters)
	}()
	for i, p := range shows {
		id, err := a.perform(ctx, p, people[i].ID, folder, i)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			a.log.WarnContext(ctx, "the demonstration lacks a performance", "error", err)
			continue
		}
		uploaded <- id
	}
	close(uploaded)
	<-applauded
	return nil
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

// applaud casts votes for each video as soon as it is published. It returns when all have theirs, or ctx ends.
func (a *app) applaud(ctx context.Context, uploaded <-chan string, voters []identity.User) {
	var waiting []string
	began, videos := time.Now(), 0
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for uploaded != nil || len(waiting) > 0 {
		select {
		case <-ctx.Done():
			return
		case id, more := <-uploaded:
			if more {
				waiting = append(waiting, id)
			} else {
				uploaded = nil
			}
			continue
		case <-ticker.C:
		}
		published, err := a.voting.Tallies(ctx, waiting)
		if err != nil {
			a.log.WarnContext(ctx, "the demonstration cannot see what is published", "error", err)
			continue
		}
		waiting = slices.DeleteFunc(waiting, func(id string) bool {
			_, ok := published[id]
			if ok {
				a.applaudOne(ctx, id, videos, voters)
				videos++
			}
			return ok
		})
	}
	a.log.InfoContext(ctx, "the demonstration is complete", "videos", videos,
		"duration_ms", time.Since(began).Milliseconds())
}

// applaudOne casts the votes for the i-th video that is published.
func (a *app) applaudOne(ctx context.Context, id string, i int, voters []identity.User) {
	for n := range 2 + (i*7+3)%(len(voters)-2) {
		if _, err := a.voting.Vote(ctx, id, voters[(n+5*i)%len(voters)].ID); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "a vote of the demonstration is lost", "video_id", id, "error", err)
		}
	}
}
