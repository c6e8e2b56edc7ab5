package webhooks

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/database"
)

// store keeps endpoints and deliveries. All times are the database's.
type store struct{ db *database.DB }

func (s *store) after(d time.Duration) string {
	return fmt.Sprintf(`(%s + CAST(%d AS BIGINT))`, s.db.Clock(), d.Microseconds())
}

type endpointRow struct {
	ID, URL, Description, Kinds string
	State                       State
	CreatedAt, PreviousUntil    int64
	Failures, LastStatus        int
	FailingSince                int64
	LastError                   string
}

// shownColumns are those of endpointRow. A secret that signs no longer is none.
func (s *store) shownColumns() string {
	return `id, url, description, kinds, state, created_at, failures, failing_since, last_status, last_error,
		CASE WHEN previous_until > ` + s.db.Clock() + ` THEN previous_until ELSE 0 END AS previous_until`
}

func (r endpointRow) endpoint() Endpoint {
	e := Endpoint{
		ID: r.ID, URL: r.URL, Description: r.Description, State: r.State,
		CreatedAt: database.FromMicros(r.CreatedAt), PreviousUntil: database.FromMicros(r.PreviousUntil),
		Failures: r.Failures, FailingSince: database.FromMicros(r.FailingSince), LastStatus: r.LastStatus,
		LastError: r.LastError,
	}
	for kind := range strings.FieldsSeq(r.Kinds) {
		e.Kinds = append(e.Kinds, Kind(kind))
	}
	return e
}

func (s *store) endpoints(ctx context.Context) ([]Endpoint, error) {
	var rows []endpointRow
	err := s.db.Query(ctx, &rows, `SELECT `+s.shownColumns()+` FROM webhooks_endpoints ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	all := make([]Endpoint, len(rows))
	for i, row := range rows {
		all[i] = row.endpoint()
	}
	return all, nil
}

func (s *store) endpoint(ctx context.Context, id string) (Endpoint, error) {
	if uuid.Validate(id) != nil {
		return Endpoint{}, errNoEndpoint
	}
	var rows []endpointRow
	err := s.db.Query(ctx, &rows, `SELECT `+s.shownColumns()+` FROM webhooks_endpoints WHERE id = ?`, id)
	if err != nil {
		return Endpoint{}, fmt.Errorf("read webhook %s: %w", id, err)
	}
	if len(rows) == 0 {
		return Endpoint{}, errNoEndpoint
	}
	return rows[0].endpoint(), nil
}

// insert adds an endpoint, unless there are mostEndpoints.
func (s *store) insert(ctx context.Context, e Endpoint, secret string) error {
	n, err := s.db.Exec(ctx, `
		INSERT INTO webhooks_endpoints (id, url, description, kinds, state, secret, created_at)
		SELECT ?, ?, ?, ?, ?, ?, `+s.db.Clock()+` WHERE (SELECT COUNT(*) FROM webhooks_endpoints) < ?`,
		e.ID, e.URL, e.Description, joinKinds(e.Kinds), e.State, secret, mostEndpoints)
	if err != nil {
		return fmt.Errorf("add a webhook: %w", err)
	}
	if n == 0 {
		return errTooMany
	}
	return nil
}

// change writes what an administrator decides. An endpoint that is switched on begins without failures.
func (s *store) change(ctx context.Context, e Endpoint) error {
	forget := ""
	if e.State == On {
		forget = `, failures = 0, failing_since = 0, last_status = 0, last_error = '', next_at = 0`
	}
	_, err := s.db.Exec(ctx, `
		UPDATE webhooks_endpoints SET url = ?, description = ?, kinds = ?, state = ?, `+fence+forget+` WHERE id = ?`,
		e.URL, e.Description, joinKinds(e.Kinds), e.State, e.ID)
	if err != nil {
		return fmt.Errorf("change webhook %s: %w", e.ID, err)
	}
	if e.State != On {
		return s.giveUp(ctx, e.ID)
	}
	return nil
}

func (s *store) remove(ctx context.Context, id string) error {
	for _, statement := range []string{
		`DELETE FROM webhooks_endpoints WHERE id = ?`, `DELETE FROM webhooks_deliveries WHERE endpoint_id = ?`,
	} {
		if _, err := s.db.Exec(ctx, statement, id); err != nil {
			return fmt.Errorf("delete webhook %s: %w", id, err)
		}
	}
	return nil
}

// rotate makes the present secret the previous one.
func (s *store) rotate(ctx context.Context, id, secret string, overlap time.Duration) error {
	previous, until := `secret`, s.after(overlap)
	if overlap == 0 {
		previous, until = `''`, `0`
	}
	_, err := s.db.Exec(ctx, `
		UPDATE webhooks_endpoints SET previous_secret = `+previous+`, previous_until = `+until+`, secret = ?, `+fence+`
		WHERE id = ?`, secret, id)
	if err != nil {
		return fmt.Errorf("rotate the secret of webhook %s: %w", id, err)
	}
	return nil
}

// closedSecrets are those of one endpoint.
type closedSecrets struct{ ID, Secret, PreviousSecret string }

func (s *store) secrets(ctx context.Context) ([]closedSecrets, error) {
	var rows []closedSecrets
	err := s.db.Query(ctx, &rows, `SELECT id, secret, previous_secret FROM webhooks_endpoints`)
	if err != nil {
		return nil, fmt.Errorf("read the secrets of webhooks: %w", err)
	}
	return rows, nil
}

// replaceSecrets changes nothing if the secrets are others meanwhile.
func (s *store) replaceSecrets(ctx context.Context, before, after closedSecrets) error {
	_, err := s.db.Exec(ctx, `
		UPDATE webhooks_endpoints SET secret = ?, previous_secret = ?
		WHERE id = ? AND secret = ? AND previous_secret = ?`,
		after.Secret, after.PreviousSecret, before.ID, before.Secret, before.PreviousSecret)
	if err != nil {
		return fmt.Errorf("close the secrets of webhook %s again: %w", before.ID, err)
	}
	return nil
}
