package media

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"risingstars/platform/queue"
)

// crier keeps what it is told in the database, to show that it joins the transaction.
type crier struct {
	*studio

	err error
}

func (s *studio) withCrier(t *testing.T) *crier {
	t.Helper()
	if _, err := s.db.Exec(t.Context(), `CREATE TABLE told (what TEXT NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	c := &crier{studio: s}
	s.herald = c
	return c
}

func (c *crier) Published(ctx context.Context, e Entry) error {
	return c.note(ctx, "published "+e.VideoID)
}

func (c *crier) Failed(ctx context.Context, videoID, ownerID, code string, _ int) error {
	return c.note(ctx, strings.Join([]string{"failed", videoID, ownerID, code}, " "))
}

func (c *crier) note(ctx context.Context, what string) error {
	if _, err := c.db.Exec(ctx, `INSERT INTO told (what) VALUES (?)`, what); err != nil {
		return err
	}
	return c.err
}

func (c *crier) want(t *testing.T, want ...string) {
	t.Helper()
	var rows []struct{ What string }
	if err := c.db.Query(t.Context(), &rows, `SELECT what FROM told`); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, row := range rows {
		told = append(told, row.What)
	}
	slices.Sort(told)
	if slices.Sort(want); !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// What becomes of a video is told once, in the transaction of it: a clip that is refused, and trouble of ours.
func TestFailuresAreTold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		c := s.withCrier(t)
		v := s.upload(t, notReallyAVideo())
		c.err = errors.New("no")
		if err := s.deliver(t.Context(), v); err == nil {
			t.Error("a clip is refused although that cannot be told")
		}
		c.want(t)
		if status := s.read(t, v.ID).Status; status == string(Failed) {
			t.Errorf("it is %s", status)
		}
		c.err = nil
		if err := s.deliver(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		refused := "failed " + v.ID + " ana " + s.read(t, v.ID).FailureCode
		c.want(t, refused)
		other := s.upload(t, notReallyAVideo())
		s.set(t, other.ID, "status = 'processing', attempt = 3, sent_at = 1")
		dead := queue.Delivery{Task: queue.Task{Kind: processKind, ID: other.ID}, Attempt: 3, MaxAttempts: 3}
		for range 2 {
			if err := s.fail(t.Context(), dead, "late"); err != nil {
				t.Fatal(err)
			}
		}
		c.want(t, refused, "failed "+other.ID+" ana "+codeProcessingError)
	})
}
