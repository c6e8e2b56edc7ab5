package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/voting"
	"risingstars/platform/auth"
	"risingstars/platform/database"
)

// spread is how many videos are voted for where it is not one.
const spread = 10_000

// place is a database with the module and, beside it, two plain tables.
type place struct {
	db     *database.DB
	voting *voting.Module
	plain  *sql.DB
	insert string
	update string
	videos []string // entries of both kinds of tables, spread of them
}

// openPlace fills the tables. The plain one is opened by its caller.
func openPlace(ctx context.Context, o database.Options, plain *sql.DB) (*place, error) {
	db, err := database.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	p := &place{db: db, plain: plain, voting: voting.New(voting.Deps{DB: db, Options: voting.Options{SelfVotes: true}})}
	p.insert = `INSERT INTO plain_votes (video, voter, at) VALUES ($1, $2, $3)`
	p.update = `UPDATE plain_entries SET votes = votes + 1 WHERE video = $1`
	if err := db.Migrate(ctx, voting.Migrations()); err != nil {
		return nil, err
	}
	for _, statement := range []string{
		`CREATE TABLE plain_entries (video TEXT PRIMARY KEY, votes BIGINT NOT NULL)`,
		`CREATE TABLE plain_votes (video TEXT, voter TEXT, at BIGINT NOT NULL, PRIMARY KEY (video, voter))`,
	} {
		if _, err := plain.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	err = p.addVideos(ctx, spread)
	return p, err
}

func (p *place) close() {
	_ = p.plain.Close()
	_ = p.db.Close()
}

// addVideos adds entries to both kinds of tables.
func (p *place) addVideos(ctx context.Context, n int) error {
	var entries []voting.Seeded
	for range n {
		id := newID()
		p.videos = append(p.videos, id)
		entries = append(entries, voting.Seeded{PublishedAt: time.Now(), Entry: voting.Entry{
			VideoID: id, UserID: newID(), PlayerName: "A singer", City: "Cali", Country: "Colombia", Title: "A song",
			UploadedAt: time.Now(), Output: voting.Output{
				ProcessedKey: "processed/" + id + "-1-bench.mp4", PosterKey: "processed/" + id + "-1-bench.jpg",
			},
		}})
	}
	if err := p.voting.Seed(ctx, entries); err != nil {
		return err
	}
	tx, err := p.plain.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	for _, id := range p.videos[len(p.videos)-n:] {
		if _, err := tx.ExecContext(ctx, `INSERT INTO plain_entries VALUES ($1, 0)`, id); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// some returns a function that returns videos to vote for: a new one, always the same, or any of many.
func (p *place) some(ctx context.Context, of int) (func() string, error) {
	if of > 1 {
		return func() string { return p.videos[rand.IntN(of)] }, nil //nolint:gosec // which one does not matter
	}
	err := p.addVideos(ctx, 1)
	last := p.videos[len(p.videos)-1]
	return func() string { return last }, err
}

// votesInProcess has so many people vote at once that never voted before.
func (b *bench) votesInProcess(p *place, of int) side {
	return func(ctx context.Context, length time.Duration) (result, error) {
		whole := context.WithoutCancel(ctx)
		video, err := p.some(whole, of)
		if err != nil {
			return result{}, err
		}
		return load(length, b.s.atOnce, func(int) (func() error, func(), error) {
			return func() error {
				_, err := p.voting.Vote(whole, video(), newID())
				return err
			}, func() {}, nil
		})
	}
}

// plainVotes is the plainest way to count votes: one insert and one update, with a durable commit for each vote. There
// are as many connections as the service has.
func (b *bench) plainVotes(p *place, of int) side {
	return func(ctx context.Context, length time.Duration) (result, error) {
		whole := context.WithoutCancel(ctx)
		video, err := p.some(whole, of)
		if err != nil {
			return result{}, err
		}
		return load(length, b.s.atOnce, func(int) (func() error, func(), error) {
			return func() error { return p.plainVote(whole, video(), newID()) }, func() {}, nil
		})
	}
}

func (p *place) plainVote(ctx context.Context, video, voter string) error {
	tx, err := p.plain.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	if _, err := tx.ExecContext(ctx, p.insert, video, voter, time.Now().UnixMicro()); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, p.update, video); err != nil {
		return err
	}
	return tx.Commit()
}

// votesOverHTTP has as many clients send one request after the other, each as somebody else.
func (b *bench) votesOverHTTP(ctx context.Context, length time.Duration) (result, error) {
	whole := context.WithoutCancel(ctx)
	video, err := b.postgres.some(whole, 1)
	if err != nil {
		return result{}, err
	}
	tokens := make(chan string, int(length.Seconds()*mostVotes))
	for range cap(tokens) {
		tokens <- b.token()
	}
	path := "POST /api/public/videos/" + video() + "/vote HTTP/1.1\r\nHost: " + benchHost +
		"\r\nContent-Length: 0\r\nAuthorization: Bearer "
	return b.overHTTP(ctx, length, b.serve.addr, 200, func(int) func([]byte) []byte {
		return func(into []byte) []byte {
			var token string
			select {
			case token = <-tokens:
			default:
				token = b.token()
			}
			return fmt.Appendf(into, "%s%s\r\n\r\n", path, token)
		}
	})
}

// mostVotes is for how many votes a second there are tokens before they are counted.
const mostVotes = 20_000

// token is another person's each time.
func (b *bench) token() string {
	token, _, err := b.tokens.Issue(newID(), newID())
	if err != nil {
		panic(err) // for a key that cannot sign
	}
	return token
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// tokensOf issues what the service accepts whose secret is known.
func tokensOf(secret string) *auth.Tokens {
	return auth.NewTokens(auth.NewKeys([]byte(secret), nil), time.Hour)
}
