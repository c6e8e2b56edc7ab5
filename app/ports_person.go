package app

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"risingstars/modules/archive"
	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/platform/fault"
	"risingstars/platform/storage"
)

// property implements identity's port Belongings with the other modules, which are built later.
type property struct{ app *app }

func (p property) Leave(ctx context.Context, userID string) error {
	return p.app.voting.Leave(ctx, userID)
}

func (p property) Return(ctx context.Context, userID string, shown bool) error {
	return p.app.voting.Return(ctx, userID, shown)
}

// Settle does all of it even if a part fails: the note is what a restored backup goes by.
func (p property) Settle(ctx context.Context, userID string, leftAt, returnedAt time.Time) error {
	err := noteDeparted(ctx, p.app.bucket, userID, departedNote{leftAt, returnedAt})
	if returnedAt.IsZero() {
		_, forgetErr := p.app.archive.Forget(ctx, userID)
		err = errors.Join(err, forgetErr)
	}
	return errors.Join(err, p.app.voting.MoveVotes(ctx, userID))
}

func (p property) ReturnedAt(ctx context.Context, userID string) (time.Time, error) {
	note, err := readDeparted(ctx, p.app.bucket, departedKey(userID))
	if errors.Is(err, storage.ErrNotFound) {
		return time.Time{}, nil
	}
	return note.ReturnedAt, err
}

// errCopyHeld passes by itself within a minute.
var errCopyHeld = errors.New("a copy of the person's data is being made")

// Erase erases votes and entries first: what has no entry has no votes that would keep a video.
func (p property) Erase(ctx context.Context, userID, email string) error {
	if gone, err := p.app.archive.Forget(ctx, userID); err != nil || !gone {
		return errors.Join(err, errCopyHeld)
	}
	if err := p.app.voting.EraseOwner(ctx, userID); err != nil {
		return err
	}
	if err := p.app.media.EraseOwner(ctx, userID); err != nil {
		return err
	}
	if err := p.app.webhooks.ErasePerson(ctx, userID); err != nil {
		return err
	}
	if err := p.app.post.Forget(ctx, userID); err != nil {
		return err
	}
	return p.app.moderation.ErasePerson(ctx, userID, email)
}

// keptOf implements archive's port Belongings with all modules.
type keptOf struct{ app *app }

func (k keptOf) Of(ctx context.Context, userID string) (p archive.Person, found bool, err error) {
	u, err := k.app.identity.Account(ctx, userID)
	if fault.From(err).Kind == fault.Unauthenticated {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	p = archive.Person{Email: u.Email, FirstName: u.FirstName, Language: u.Language}
	for _, collect := range []func(context.Context, identity.User, *archive.Person) error{
		k.account, k.videos, k.votes, k.reports,
	} {
		if err := collect(ctx, u, &p); err != nil {
			return p, false, err
		}
	}
	return p, true, nil
}

type object = map[string]any

func (k keptOf) account(ctx context.Context, u identity.User, p *archive.Person) error {
	m := k.app.identity
	roles, err := m.RolesOf(ctx, u.ID)
	if err != nil {
		return err
	}
	factor, err := m.FactorOf(ctx, u.ID)
	if err != nil {
		return err
	}
	sessions, err := m.Sessions(ctx, u.ID)
	if err != nil {
		return err
	}
	done, by, err := m.ActsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	listed := make([]object, len(sessions))
	for i, s := range sessions {
		listed[i] = object{
			"id": s.ID, "browser": s.Browser, "device": s.Agent, "network": s.Network, "created_at": s.CreatedAt,
			"used_at": s.UsedAt, "expires_at": s.ExpiresAt,
		}
	}
	p.Records = append(p.Records,
		archive.Record{Name: "account", Data: object{
			"id": u.ID, "email": u.Email, "email_verified": u.EmailVerified, "first_name": u.FirstName,
			"last_name": u.LastName, "city": u.City, "country": u.Country, "language": u.Language,
			"created_at": u.CreatedAt, "roles": roles, "two_step_sign_in": factor.Enabled,
		}},
		archive.Record{Name: "sessions", Data: listed},
		archive.Record{Name: "acts", Data: object{
			"on_this_account": actsOn(u.ID, done), "by_this_account": actsBy(u.ID, by),
		}})
	return nil
}

// actsOn leaves out who has done it, and the words of others but those that the person was told.
func actsOn(userID string, records []identity.Record) []object {
	acts := make([]object, len(records))
	for i, r := range records {
		acts[i] = object{"at": r.At, "act": r.Act}
		own := r.Actor == userID
		told := r.Act == "user.suspend" || r.Act == "user.unsuspend"
		if own || told || r.Act == "roles.set" {
			acts[i]["before"], acts[i]["after"] = r.Before, r.After
		}
		if own || told {
			acts[i]["reason"] = r.Reason
		}
	}
	return acts
}

// actsBy leaves out what belongs to the people and the videos that were acted on.
func actsBy(userID string, records []identity.Record) []object {
	acts := make([]object, len(records))
	for i, r := range records {
		acts[i] = object{"at": r.At, "act": r.Act}
		if r.Subject == "user:"+userID {
			acts[i]["reason"] = r.Reason
		}
	}
	return acts
}

// videosAtOnce are read at a time.
const videosAtOnce = 100

func (k keptOf) videos(ctx context.Context, u identity.User, p *archive.Person) error {
	listed := []object{}
	for offset := 0; ; offset += videosAtOnce {
		videos, _, err := k.app.media.List(ctx, u.ID, "", offset, videosAtOnce)
		if err != nil {
			return err
		}
		ids := make([]string, len(videos))
		for i, v := range videos {
			ids[i] = v.ID
		}
		votes, err := k.app.voting.Tallies(ctx, ids)
		if err != nil {
			return err
		}
		hidings, err := k.app.moderation.HidingsOf(ctx, ids)
		if err != nil {
			return err
		}
		for _, v := range videos {
			files, err := k.filesOf(ctx, v)
			if err != nil {
				return err
			}
			names := make([]string, len(files))
			for i, f := range files {
				names[i] = f.Name
			}
			one := object{
				"id": v.ID, "title": v.Title, "description": v.Description, "status": v.Status,
				"uploaded_at": v.UploadedAt, "start_seconds": v.Start.Seconds(), "seconds": v.Duration.Seconds(),
				"votes": votes[v.ID], "files": names,
			}
			if len(v.Notices) > 0 {
				one["notices"] = v.Notices
			}
			if h, hidden := hidings[v.ID]; hidden {
				one["hidden"] = object{"reason": h.Reason, "words": h.Words, "at": h.At}
			}
			if v.FailureCode != "" {
				one["failure"] = v.FailureCode
			}
			listed, p.Files = append(listed, one), append(p.Files, files...)
		}
		if len(videos) < videosAtOnce {
			p.Records = append(p.Records, archive.Record{Name: "videos", Data: listed})
			return nil
		}
	}
}

// filesOf returns a video's files. One that is missing has no size.
func (k keptOf) filesOf(ctx context.Context, v media.Video) (files []archive.File, err error) {
	all := v.Files()
	if v.OriginalKey != "" {
		all = append(all, media.File{Name: "original", Key: v.OriginalKey})
	}
	for _, f := range all {
		stored, err := k.app.bucket.Stat(ctx, f.Key)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, fmt.Errorf("look for a file of video %s: %w", v.ID, err)
		}
		files = append(files, archive.File{
			Name: path.Join("videos", v.ID, f.Name+path.Ext(f.Key)), Key: f.Key, Size: stored.Size,
		})
	}
	return files, nil
}

func (k keptOf) votes(ctx context.Context, u identity.User, p *archive.Person) error {
	votes, err := k.app.voting.VotesBy(ctx, u.ID)
	if err != nil {
		return err
	}
	listed := make([]object, len(votes))
	for i, v := range votes {
		listed[i] = object{"video_id": v.VideoID, "first_cast_at": v.At, "state": v.State}
	}
	p.Records = append(p.Records, archive.Record{Name: "votes", Data: listed})
	return nil
}

func (k keptOf) reports(ctx context.Context, u identity.User, p *archive.Person) error {
	email := u.Email
	if !u.EmailVerified {
		email = "" // somebody else may have written it into a report
	}
	reports, err := k.app.moderation.ReportsBy(ctx, u.ID, email)
	if err != nil {
		return err
	}
	listed := make([]object, len(reports))
	for i, r := range reports {
		listed[i] = object{
			"id": r.ID, "video_id": r.VideoID, "reason": r.Reason, "words": r.Words, "at": r.At, "decision": r.Decision,
		}
	}
	p.Records = append(p.Records, archive.Record{Name: "reports", Data: listed})
	return nil
}
