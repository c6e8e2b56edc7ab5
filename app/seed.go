package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/voting"
	"risingstars/platform/database"
)

func seedCommand() *cobra.Command {
	var (
		o        crowd
		password string
		clips    string
		force    bool
	)
	command := &cobra.Command{
		Use:   "seed",
		Short: "Add contestants, entries and votes that are made up, for a demonstration or a load test",
		Long: "Add contestants with one published entry each, voters, and votes, all of them made up. The same\n" +
			"--seed gives the same crowd. Without --clips=files entries have no files: pages and votes work, clips\n" +
			"do not play.\n" +
			"It is for an empty site or one for tests: nothing removes entries with votes again.",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil {
				return err
			}
			if clips != "rows" && clips != "files" {
				return errors.New("--clips must be rows or files")
			}
			return o.validate()
		},
		RunE: withExisting(database.Change, func(cmd *cobra.Command, a *app, _ []string) error {
			accounts, err := a.identity.Count(cmd.Context())
			if err != nil {
				return err
			}
			if accounts > 0 && !force {
				return fmt.Errorf("there are %d accounts already; use --force to add to them", accounts)
			}
			o.prefix = a.c.Storage.ProcessedPrefix
			if password == "" { // it is told first, as an interrupted command leaves accounts too
				password = rand.Text()
				fmt.Fprintf(cmd.OutOrStdout(), "the password of all accounts: %s\n", password)
			}
			report := showProgress(cmd.ErrOrStderr())
			files := seedFiles{bucket: a.bucket}
			if clips == "files" {
				forget, err := files.prepare(cmd.Context(), a.c, report)
				defer forget()
				if err != nil {
					return err
				}
			}
			if err := a.seed(cmd.Context(), o, password, files, report); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "added %d contestants, %d voters, %d votes; sign in as %s with %s\n",
				o.contestants, o.voters, o.votes, o.email(0), password)
			return nil
		}),
	}
	flags := command.Flags()
	flags.IntVar(&o.contestants, "contestants", 1000, "people with one published entry each")
	flags.IntVar(&o.voters, "voters", 1000, "people without an entry")
	flags.IntVar(&o.votes, "votes", 10_000, "votes in all; some entries get far more of them than others")
	flags.IntVar(&o.cities, "cities", 50, "cities that the contestants come from")
	flags.Uint64Var(&o.seed, "seed", 1, "another number gives another crowd")
	flags.StringVar(&password, "password", "", "of all accounts; if empty, one is made up and printed first")
	flags.StringVar(&clips, "clips", "rows", "rows, or files: each entry then has a copy of one test clip, some MB")
	flags.BoolVar(&force, "force", false, "add to a database that has accounts")
	return command
}

// One transaction adds so many people and votes at most; an entry with more votes than that has one for itself. The
// embedded database has one writer, who must not keep others waiting for long.
const (
	seedBatch = 1000
	seedVotes = 20_000
)

// batch returns where the transaction ends that begins with the person from. votes are those of each entry.
func (o crowd) batch(from int, votes []int) (to int) {
	sum := 0
	for to = from; to < min(from+seedBatch, o.people()); to++ {
		if to < len(votes) {
			sum += votes[to]
		}
		if sum > seedVotes && to > from {
			break
		}
	}
	return to
}

// seed adds the crowd, in transactions of some people each.
func (a *app) seed(
	ctx context.Context, o crowd, password string, files seedFiles, report func(step string, percent int),
) error {
	hash, err := a.identity.HashPassword(password)
	if err != nil {
		return err
	}
	votes := o.spread()
	o.ids = make([]string, o.people())
	for i := range o.ids {
		o.ids[i] = o.personID(i)
	}
	for from, to := 0, 0; from < o.people(); from = to {
		report("seeding", 100*from/o.people())
		to = o.batch(from, votes)
		for i := from; i < min(to, o.contestants); i++ {
			if err := files.put(ctx, o.video(i).Output); err != nil {
				return err
			}
		}
		err := a.db.InTx(ctx, func(ctx context.Context) error { return a.seedPeople(ctx, o, hash, votes, from, to) })
		if database.UniqueViolation(err) != "" {
			return fmt.Errorf("the crowd of --seed %d is there already, at least in part; use another number", o.seed)
		}
		if err != nil {
			return err
		}
	}
	report("seeding", 100)
	return nil
}

func (a *app) seedPeople(ctx context.Context, o crowd, hash string, votes []int, from, to int) error {
	var (
		users   []identity.User
		videos  []media.Video
		entries []voting.Seeded
	)
	for i := from; i < to; i++ {
		user := o.person(i, hash)
		users = append(users, user)
		if i < o.contestants {
			v := o.video(i)
			videos = append(videos, v)
			entries = append(entries, o.entry(i, user, v, votes[i]))
		}
	}
	if err := a.identity.Seed(ctx, users); err != nil || len(videos) == 0 {
		return err
	}
	if err := a.media.Seed(ctx, videos); err != nil {
		return err
	}
	return a.voting.Seed(ctx, entries)
}

// crowd describes made-up people. All that it makes depends on its fields and on the day alone.
type crowd struct {
	contestants, voters, votes, cities int

	seed   uint64
	prefix string   // of the keys of renditions
	ids    []string // of the people, which are needed again and again
}

func (o crowd) people() int { return o.contestants + o.voters }

// validate refuses what cannot be made.
func (o crowd) validate() error {
	const most = 10_000_000
	switch {
	case o.contestants < 1 || o.contestants > most:
		return fmt.Errorf("--contestants must be from 1 to %d", most)
	case o.voters < 0 || o.voters > most:
		return fmt.Errorf("--voters must be from 0 to %d", most)
	case o.cities < 1 || o.cities > 100_000:
		return errors.New("--cities must be from 1 to 100000")
	case o.votes < 0 || o.votes > 100*most || o.votes > o.contestants*o.people():
		return fmt.Errorf("--votes must be from 0 to %d, as everyone has one vote for each entry",
			min(100*most, o.contestants*o.people()))
	}
	return nil
}

// until is when the last vote was cast: the beginning of today, so that the same crowd is made all day.
func (o crowd) until() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }
