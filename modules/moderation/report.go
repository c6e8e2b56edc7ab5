package moderation

import (
	"context"
	"errors"
	"net/mail"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/fault"
)

// Decision is what a moderator decides about a report.
type Decision string

// The decisions. A report that nobody has decided on has none.
const (
	Open      Decision = ""
	Dismissed Decision = "dismissed"
	Hidden    Decision = "hidden"
)

// Report is what somebody says about a published video.
type Report struct {
	ID       string
	VideoID  string
	Reporter string // an account's id, or "mail:" and an e-mail
	Reason   Reason
	Words    string
	At       time.Time
	Decision Decision
	By       string // the id of the account that decided
	Decided  time.Time
	Why      string // of the decision

	// What the gallery knows, if the video still exists.
	Video  Entry
	Hidden bool
}

// Complaint is a report as it is made. Email is of somebody who is not signed in.
type Complaint struct {
	VideoID, CallerID, Email string
	Reason                   Reason
	Words                    string
}

// Complain adds a report of a video that is shown, one per person and video, and returns its id. It hides nothing.
// Whoever is not signed in may have given somebody else's e-mail: a second report is answered like a first one, and is
// dropped.
func (m *Module) Complain(ctx context.Context, c Complaint) (id string, err error) {
	words, err := c.Reason.explain(c.Words)
	if err != nil {
		return "", err
	}
	reporter := c.CallerID
	if reporter == "" {
		email := strings.ToLower(strings.TrimSpace(c.Email))
		parsed, err := mail.ParseAddress(email)
		if err != nil || parsed.Address != email || len(email) > mostEmail {
			return "", fault.ErrInvalid.WithFields(fault.Field{Location: "body.email", Message: fault.Text{
				ES: "escribe tu correo, o entra en tu cuenta", EN: "must be your e-mail; or sign in",
			}})
		}
		reporter = mailPrefix + email
	} else if err := m.acts.MayReport(ctx, reporter); err != nil {
		return "", err
	}
	if _, err := m.gallery.Entry(ctx, c.VideoID); err != nil {
		return "", err
	}
	r := Report{
		ID: uuid.Must(uuid.NewV7()).String(), VideoID: c.VideoID, Reporter: reporter, Reason: c.Reason, Words: words,
		At: time.Now(),
	}
	err = m.store.insertReport(ctx, r)
	if c.CallerID == "" && errors.Is(err, errAlreadyReported) {
		err = nil
	}
	return r.ID, err
}

// mailPrefix begins the reporter of a report by somebody who was not signed in.
const mailPrefix = "mail:"

// mostEmail is the longest e-mail, in bytes (RFC 5321 §4.5.3.1.3).
const mostEmail = 254

// Reported returns the video that somebody wants to report. It is shown to everybody.
func (m *Module) Reported(ctx context.Context, videoID string) (Entry, error) {
	return m.gallery.Entry(ctx, videoID)
}

// ReportFilter narrows the list of reports down.
type ReportFilter struct {
	All      bool     // whatever was decided
	Decision Decision // unless All
	VideoID  string
}

// Reports returns a page of the reports, and how many match: open ones the oldest first, others the latest first. The
// caller must have the right.
func (m *Module) Reports(
	ctx context.Context, callerID string, f ReportFilter, offset, limit int,
) ([]Report, int, error) {
	if err := m.acts.MayRead(ctx, callerID); err != nil {
		return nil, 0, err
	}
	reports, total, err := m.store.reports(ctx, f, offset, limit)
	if err != nil {
		return nil, 0, err
	}
	return reports, total, m.complete(ctx, reports)
}

// ReportOf returns one report. The caller must have the right.
func (m *Module) ReportOf(ctx context.Context, callerID, id string) (Report, error) {
	if err := m.acts.MayRead(ctx, callerID); err != nil {
		return Report{}, err
	}
	r, err := m.store.report(ctx, id)
	if err != nil {
		return Report{}, err
	}
	reports := []Report{r}
	err = m.complete(ctx, reports)
	return reports[0], err
}

// complete adds what the gallery knows of the videos.
func (m *Module) complete(ctx context.Context, reports []Report) error {
	ids := make([]string, len(reports))
	for i, r := range reports {
		ids[i] = r.VideoID
	}
	entries, err := m.gallery.Entries(ctx, ids)
	if err != nil {
		return err
	}
	hidden, err := m.store.hidings(ctx, ids)
	for i, r := range reports {
		reports[i].Video = entries[r.VideoID]
		_, reports[i].Hidden = hidden[r.VideoID]
	}
	return err
}

// Decide decides on a report. To hide the video decides on all its open reports; reason and words are what its owner
// reads. To dismiss a report, words say why, for the log. If somebody has decided meanwhile, the error is
// errAlreadyDecided, which says what; nothing changes then.
func (m *Module) Decide(
	ctx context.Context, callerID, id string, d Decision, reason Reason, words string,
) error {
	if d == Dismissed {
		reason = Other
	}
	if d != Dismissed && d != Hidden {
		return fault.ErrInvalid.WithFields(fault.Field{Location: "body.decision", Message: fault.Text{
			ES: "elige descartar u ocultar", EN: "must be dismissed or hidden",
		}})
	}
	words, err := reason.explain(words)
	if err != nil {
		return err
	}
	why := words
	if d == Hidden {
		why = reason.logged(words)
	}
	return m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.acts.MayDecide(ctx, callerID); err != nil {
			return err
		}
		r, err := m.store.report(ctx, id)
		if err != nil {
			return err
		}
		decided := Report{ID: id, VideoID: r.VideoID, Decision: d, By: callerID, Decided: time.Now(), Why: why}
		first, err := m.store.decide(ctx, decided)
		if err != nil {
			return err
		}
		if !first {
			return m.alreadyDecided(ctx, id)
		}
		if d == Dismissed {
			return m.acts.Add(ctx, callerID, "report.dismiss", r.VideoID, "report "+id, "dismissed", words)
		}
		if err := m.store.decideOthers(ctx, decided); err != nil {
			return err
		}
		hidden, err := m.takeDown(ctx, callerID, r.VideoID, reason, words)
		if err != nil || hidden {
			return err
		}
		// It was hidden before the report was decided on.
		return m.acts.Add(ctx, callerID, "report.hide", r.VideoID, "report "+id, "hidden", why)
	})
}

// alreadyDecided returns errAlreadyDecided with what was decided, by whom, and why.
func (m *Module) alreadyDecided(ctx context.Context, id string) error {
	r, err := m.store.report(ctx, id)
	if err != nil {
		return err
	}
	said := func(name, value string) fault.Field {
		return fault.Field{Location: "decided." + name, Message: fault.Text{ES: value, EN: value}}
	}
	return errAlreadyDecided.WithFields(said("decision", string(r.Decision)), said("by", r.By),
		said("at", r.Decided.UTC().Format(time.RFC3339)), said("why", r.Why))
}

// Waiting returns how many reports nobody has decided on, and since when the oldest waits.
func (m *Module) Waiting(ctx context.Context) (n int, oldest time.Time, err error) {
	return m.store.countOpen(ctx)
}

// HasReported reports whether an account has reported a video.
func (m *Module) HasReported(ctx context.Context, userID, videoID string) (bool, error) {
	return m.store.hasReported(ctx, userID, videoID)
}
