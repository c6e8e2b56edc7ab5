package site

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"risingstars/modules/identity"
	"risingstars/modules/moderation"
	"risingstars/platform/web"
)

// decisionTexts are the ids of the words for what was decided about a report.
var decisionTexts = map[moderation.Decision]string{
	moderation.Open: "report.open", moderation.Dismissed: "report.dismissed", moderation.Hidden: "report.hidden",
}

// ReportRow is a report as moderators see it.
type ReportRow struct {
	ID, VideoID, Title, PlayerName string
	Votes                          int
	VideoHidden                    bool
	Reporter                       string
	Reason                         string // a text
	Words                          string
	At                             time.Time
	State                          string // the id of a text
	Decided                        time.Time
	By, Why                        string
	IsOpen                         bool
}

func reportRow(v *visit, r moderation.Report) ReportRow {
	return ReportRow{
		ID: r.ID, VideoID: r.VideoID, Title: r.Video.Title, PlayerName: r.Video.PlayerName, Votes: r.Video.Votes,
		VideoHidden: r.Hidden, Reporter: r.Reporter, Reason: web.Say(v.Context(), r.Reason.Text()), Words: r.Words,
		At: r.At, State: decisionTexts[r.Decision], Decided: r.Decided, By: r.By, Why: spoken(v, r.Why),
		IsOpen: r.Decision == moderation.Open,
	}
}

// spoken returns why a video is hidden, as it stands in the log, with the reason of the list in words.
func spoken(v *visit, why string) string {
	code, words, _ := strings.Cut(why, ": ")
	reason := moderation.Reason(code)
	if !slices.Contains(moderation.Reasons(), reason) {
		return why
	}
	return strings.TrimSpace(web.Say(v.Context(), reason.Text()) + " " + words)
}

// Choice is a value of a list.
type Choice struct {
	Value, Text string // Text is the id of one, or a text in a list of reasons
	Chosen      bool
}

// reasons returns those of the list in the visit's language.
func reasons(v *visit, chosen string) []Choice {
	all := []Choice{}
	for _, r := range moderation.Reasons() {
		all = append(all, Choice{string(r), web.Say(v.Context(), r.Text()), string(r) == chosen})
	}
	return all
}

// reasonField is where one of them is chosen.
func reasonField(v *visit, chosen string) Field { return categoryField("reason", reasons(v, chosen)) }

// AdminReportsPage lists reports.
type AdminReportsPage struct {
	AdminFrame

	States  []Choice
	Reports []ReportRow
	Total   int
	Pager   Pager
}

func (*AdminReportsPage) file() string { return "admin-reports" }

func (s *Site) getReports(v *visit) (web.View, error) {
	query := v.URL.Query()
	frame, err := s.adminFrame(v, "admin.reports", identity.ReadReports)
	if err != nil {
		return web.View{}, err
	}
	d := &AdminReportsPage{AdminFrame: frame}
	state := query.Get("state")
	f := moderation.ReportFilter{All: state == "all"}
	for _, c := range []Choice{
		{"", "report.open", false},
		{"dismissed", "report.dismissed", false},
		{"hidden", "report.hidden", false},
		{"all", "report.all", false},
	} {
		if c.Chosen = c.Value == state; c.Chosen && !f.All {
			f.Decision = moderation.Decision(state)
		}
		d.States = append(d.States, c)
	}
	found, total, err := s.moderation.Reports(v.Context(), v.caller, f, (pageOf(query)-1)*adminRows, adminRows)
	if err != nil {
		return web.View{}, err
	}
	if d.Total, d.Pager = total, v.pager(total, adminRows); d.Pager.past() {
		return v.goTo(v.numbered(d.Pager.Pages))
	}
	for _, r := range found {
		d.Reports = append(d.Reports, reportRow(v, r))
	}
	return s.showAdmin(http.StatusOK, d)
}

// AdminReportPage shows a report, and takes the decision.
type AdminReportPage struct {
	AdminFrame

	Report   ReportRow
	Category Field
	Decider  string // who decided; "" if nobody has, or the account is gone
	Mine     string // the decision that came too late; the id of a text, "" if there is none
}

func (*AdminReportPage) file() string { return "admin-report" }

func (s *Site) adminReportPage(v *visit, chosen string) (*AdminReportPage, error) {
	frame, err := s.adminFrame(v, "admin.report", identity.ReadReports)
	if err != nil {
		return nil, err
	}
	r, err := s.moderation.ReportOf(v.Context(), v.caller, v.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if chosen == "" {
		chosen = string(r.Reason)
	}
	d := &AdminReportPage{AdminFrame: frame, Report: reportRow(v, r), Category: reasonField(v, chosen)}
	if by, err := s.identity.Account(v.Context(), r.By); err == nil {
		d.Decider = by.PlayerName()
	}
	return d, nil
}

func (s *Site) getReportDesk(v *visit) (web.View, error) {
	d, err := s.adminReportPage(v, "")
	if err != nil {
		return web.View{}, err
	}
	return s.showAdmin(http.StatusOK, d)
}

func (s *Site) postDecision(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	decision, words := moderation.Decision(form.Get("decision")), form.Get("reason")
	err = s.moderation.Decide(v.Context(), v.caller, v.PathValue("id"), decision,
		moderation.Reason(form.Get("category")), words)
	if err == nil {
		return v.goTo("/admin/reports?said=decided")
	}
	d, readErr := s.adminReportPage(v, form.Get("category"))
	if readErr != nil {
		return web.View{}, readErr
	}
	status, err := d.refused(v, "decide", form, err, d.Category, wordsField("decide"))
	if err != nil {
		return web.View{}, err
	}
	d.Category.Error = d.Error(d.Category.ID())
	if status == http.StatusConflict {
		d.Mine = decisionTexts[decision]
	}
	return s.showAdmin(status, d)
}

// AdminVideoPage hides a video, or shows it again.
type AdminVideoPage struct {
	AdminFrame

	ID, Name, PlayerName, OwnerID string
	Votes                         int
	Hidden                        bool // by a moderator
	Absent                        bool // it is not shown because its owner is suspended
	Reason, Note                  string
	Since                         time.Time
	Category                      Field
}

func (*AdminVideoPage) file() string { return "admin-video" }

func (s *Site) adminVideoPage(v *visit, chosen string) (*AdminVideoPage, error) {
	ctx, id := v.Context(), v.PathValue("id")
	frame, err := s.adminFrame(v, "", identity.ReadReports)
	if err != nil {
		return nil, err
	}
	e, gone, err := s.voting.KnownEntry(ctx, id)
	if err != nil {
		return nil, err
	}
	d := &AdminVideoPage{
		AdminFrame: frame, ID: id, Name: e.Title, PlayerName: e.PlayerName, OwnerID: e.UserID, Votes: e.Votes,
		Category: reasonField(v, chosen),
	}
	d.Title, d.Named = e.Title, true
	hidings, err := s.moderation.HidingsOf(ctx, []string{id})
	if h, ok := hidings[id]; ok {
		d.Hidden, d.Reason, d.Note, d.Since = true, web.Say(ctx, h.Reason.Text()), h.Words, h.At
	}
	d.Absent = gone && !d.Hidden
	return d, err
}

func (s *Site) getVideoDesk(v *visit) (web.View, error) {
	d, err := s.adminVideoPage(v, "")
	if err != nil {
		return web.View{}, err
	}
	return s.showAdmin(http.StatusOK, d)
}

func (s *Site) postHide(v *visit) (web.View, error) {
	return s.moderate(v, "hide", "hidden", func(category, words string) error {
		return s.moderation.Hide(v.Context(), v.caller, v.PathValue("id"), moderation.Reason(category), words)
	})
}

func (s *Site) postShow(v *visit) (web.View, error) {
	return s.moderate(v, "show", "shown", func(_, words string) error {
		return s.moderation.Show(v.Context(), v.caller, v.PathValue("id"), words)
	})
}

// moderate does what the form of this name is for, and says so.
func (s *Site) moderate(v *visit, name, said string, act func(category, words string) error) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	category, words := form.Get("category"), form.Get("reason")
	if err = act(category, words); err == nil {
		return v.goTo("/admin/videos/" + v.PathValue("id") + "?said=" + said)
	}
	d, readErr := s.adminVideoPage(v, category)
	if readErr != nil {
		return web.View{}, readErr
	}
	field := wordsField(name)
	if name == "show" {
		field.Label = whyField(name).Label
	}
	status, err := d.refused(v, name, form, err, d.Category, field)
	if err != nil {
		return web.View{}, err
	}
	d.Category.Error = d.Error(d.Category.ID())
	return s.showAdmin(status, d)
}
