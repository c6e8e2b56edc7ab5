package site

import (
	"net/http"
	"strings"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/web"
)

// actTexts are the ids of the words for acts.
var actTexts = map[string]string{
	"roles.set": "act.roles.set", "user.suspend": "act.user.suspend", "user.unsuspend": "act.user.unsuspend",
	"sessions.end": "act.sessions.end", "video.hide": "act.video.hide", "video.show": "act.video.show",
	"report.dismiss": "act.report.dismiss", "report.hide": "act.report.hide", "jobs.redrive": "act.jobs.redrive",
	"totp.remove": "act.totp.remove", "account.delete": "act.account.delete",
	"account.return": "act.account.return", "account.erase": "act.account.erase",
	"webhook.add": "act.webhook.add", "webhook.change": "act.webhook.change",
	"webhook.rotate": "act.webhook.rotate", "webhook.test": "act.webhook.test",
	"webhook.replay": "act.webhook.replay", "webhook.remove": "act.webhook.remove",
}

// actorTexts are those for actors that are no account.
var actorTexts = map[string]string{identity.Console: "actor.console", identity.Clock: "actor.clock"}

// LogRow is an act.
type LogRow struct {
	At                    time.Time
	Actor, Name           string // Name is "" for an account that is gone, and for others
	Special               string // the id of a text, for an actor that is no account
	Act                   string // the id of a text, or ""
	Code                  string
	Subject, To           string // To is the address of its page, or ""
	Before, After, Reason string
}

// AdminLogPage lists what was done by roles.
type AdminLogPage struct {
	AdminFrame

	Actor, Subject, From, Until string
	Filtered                    bool
	Acts                        []Choice
	Rows                        []LogRow
	Total                       int
	Pager                       Pager
}

func (*AdminLogPage) file() string { return "admin-log" }

// actOrder is how the list of acts is sorted.
func actOrder() []string {
	return []string{
		"roles.set", "user.suspend", "user.unsuspend", "sessions.end", "video.hide", "video.show", "report.dismiss",
		"report.hide", "jobs.redrive", "totp.remove", "account.delete", "account.return", "account.erase",
		"webhook.add", "webhook.change", "webhook.rotate", "webhook.test", "webhook.replay", "webhook.remove",
	}
}

func (s *Site) getLog(v *visit) (web.View, error) {
	query := v.URL.Query()
	frame, err := s.adminFrame(v, "admin.log", identity.ReadLog)
	if err != nil {
		return web.View{}, err
	}
	d := &AdminLogPage{
		AdminFrame: frame, Actor: query.Get("actor"), Subject: query.Get("subject"), From: query.Get("from"),
		Until: query.Get("until"),
	}
	f := identity.LogFilter{Actor: strings.TrimSpace(d.Actor), Subject: strings.TrimSpace(d.Subject)}
	for _, act := range actOrder() {
		chosen := query.Get("act") == act
		if chosen {
			f.Act = act
		}
		d.Acts = append(d.Acts, Choice{act, actTexts[act], chosen})
	}
	f.From, d.From = s.dayOf(d.From)
	if f.Until, d.Until = s.dayOf(d.Until); !f.Until.IsZero() {
		f.Until = f.Until.AddDate(0, 0, 1) // the day itself counts
	}
	d.Filtered = f != (identity.LogFilter{})
	records, total, err := s.identity.Log(v.Context(), v.caller, f, (pageOf(query)-1)*adminRows, adminRows)
	if err != nil {
		return web.View{}, err
	}
	if d.Total, d.Pager = total, v.pager(total, adminRows); d.Pager.past() {
		return v.goTo(v.numbered(d.Pager.Pages))
	}
	for _, r := range records {
		d.Rows = append(d.Rows, logRow(v, r))
	}
	return s.showAdmin(http.StatusOK, d)
}

// dayOf returns the beginning of the day that a filter names, in the site's zone, and the name; for anything else
// neither.
func (s *Site) dayOf(name string) (time.Time, string) {
	day, err := time.ParseInLocation(time.DateOnly, name, s.o.Zone)
	if err != nil {
		return time.Time{}, ""
	}
	return day, name
}

func logRow(v *visit, r identity.Record) LogRow {
	row := LogRow{
		At: r.At, Actor: r.Actor, Name: r.Name, Special: actorTexts[r.Actor], Act: actTexts[r.Act], Code: r.Act,
		Subject: r.Subject, Before: r.Before, After: r.After, Reason: r.Reason,
	}
	switch r.Act {
	case "video.hide", "report.hide":
		row.Reason = spoken(v, r.Reason)
	case "user.suspend":
		row.Reason = spokenCause(v, r.Reason)
	}
	switch kind, id, _ := strings.Cut(r.Subject, ":"); kind {
	case "user":
		row.To = "/admin/users/" + id
	case "video":
		row.To = "/admin/videos/" + id
	case "webhook":
		row.To = "/admin/webhooks/" + id
	}
	return row
}
