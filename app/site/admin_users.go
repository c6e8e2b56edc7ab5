package site

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/platform/web"
)

// roleTexts are the ids of the names of roles.
var roleTexts = map[identity.Role]string{
	identity.Admin: "role.admin", identity.Organiser: "role.organiser", identity.Moderator: "role.moderator",
	identity.Juror: "role.juror", identity.Auditor: "role.auditor",
}

// RoleBox is a role that somebody has or may get.
type RoleBox struct {
	Name, Text string // Text is the id of one
	Held       bool
}

func roleBoxes(held ...identity.Role) []RoleBox {
	boxes := make([]RoleBox, 0, len(roleTexts))
	for _, role := range identity.Roles() {
		boxes = append(boxes, RoleBox{string(role), roleTexts[role], slices.Contains(held, role)})
	}
	return boxes
}

// UserRow is an account in a list.
type UserRow struct {
	ID, Name, Email, City, Country string
	Roles                          []string // the ids of texts
	Suspended, Proved              bool     // Proved is the e-mail
	CreatedAt                      time.Time
}

func userRow(p identity.Person) UserRow {
	row := UserRow{
		ID: p.User.ID, Name: p.User.PlayerName(), Email: p.User.Email, City: p.User.City, Country: p.User.Country,
		Suspended: p.Suspension != nil, Proved: p.User.EmailVerified, CreatedAt: p.User.CreatedAt,
	}
	for _, role := range p.Roles {
		row.Roles = append(row.Roles, roleTexts[role])
	}
	return row
}

// AdminUsersPage lists accounts.
type AdminUsersPage struct {
	AdminFrame

	Search    string
	Roles     []RoleBox // Held is the one that is filtered by
	Suspended bool
	Users     []UserRow
	Total     int
	Pager     Pager
}

func (*AdminUsersPage) file() string { return "admin-users" }

func (s *Site) getUsers(v *visit) (web.View, error) {
	query := v.URL.Query()
	frame, err := s.adminFrame(v, "admin.users", identity.ReadUsers)
	if err != nil {
		return web.View{}, err
	}
	role, _ := identity.ParseRole(query.Get("role")) // another one filters by none
	d := &AdminUsersPage{
		AdminFrame: frame, Search: query.Get("q"), Roles: roleBoxes(role), Suspended: query.Get("suspended") != "",
	}
	people, total, err := s.identity.People(v.Context(), v.caller, identity.PeopleFilter{
		Search: d.Search, Role: role, Suspended: d.Suspended,
	}, (pageOf(query)-1)*adminRows, adminRows)
	if err != nil {
		return web.View{}, err
	}
	if d.Total, d.Pager = total, v.pager(total, adminRows); d.Pager.past() {
		return v.goTo(v.numbered(d.Pager.Pages))
	}
	for _, p := range people {
		d.Users = append(d.Users, userRow(p))
	}
	return s.showAdmin(http.StatusOK, d)
}

// AdminUserPage shows an account, and what can be done about it.
type AdminUserPage struct {
	AdminFrame

	User    UserRow
	Roles   []RoleBox
	Reason  string // it is suspended; a text
	Since   time.Time
	Until   time.Time // zero: until somebody ends it
	Entries int       // that are shown
	Votes   int       // for them
	Own     bool      // it is the caller's
	Late    bool      // somebody else has changed the roles meanwhile
	Mine    []string  // the roles that came too late; the ids of texts
	Seen    string    // the roles that the form shows, by their names
	Cause   Field     // why it is to be suspended
	Because Field     // the same, in own words
	Days    []DayChoice
	Videos  []UserVideo // the latest
	Total   int         // videos
}

// DayChoice is for how many days an account may be suspended.
type DayChoice struct {
	Days   int
	Chosen bool
}

// UserVideo is a video in the list of its owner's.
type UserVideo struct {
	ID, Title, State string // State is the id of a text
	Known            bool   // it is or was shown, so that it can be hidden or shown again
}

// mostVideos is how many videos the page of an account lists.
const mostVideos = 50

func (*AdminUserPage) file() string { return "admin-user" }

func (s *Site) adminUserPage(v *visit) (*AdminUserPage, error) {
	ctx, id := v.Context(), v.PathValue("id")
	frame, err := s.adminFrame(v, "", identity.ReadUsers)
	if err != nil {
		return nil, err
	}
	person, err := s.identity.PersonOf(ctx, v.caller, id)
	if err != nil {
		return nil, err
	}
	d := &AdminUserPage{
		AdminFrame: frame, User: userRow(person), Roles: roleBoxes(person.Roles...), Own: id == v.caller,
	}
	d.choose(v, "", "")
	d.Title, d.Named, d.Seen = d.User.Name, true, namesOf(person.Roles)
	if by := person.Suspension; by != nil {
		d.Reason, d.Since, d.Until = web.Say(ctx, by.Text()), by.Since, by.Until
	}
	if d.Videos, d.Total, err = s.userVideos(ctx, id); err != nil {
		return nil, err
	}
	for i := range d.Videos {
		if video := &d.Videos[i]; person.Suspension != nil && video.State == "state.processed" {
			video.State = "admin.absent"
		}
	}
	d.Entries, d.Votes, err = s.voting.ShownOf(ctx, id)
	return d, err
}

// choose says what is chosen in the form that suspends.
func (d *AdminUserPage) choose(v *visit, cause, days string) {
	cause = cmp.Or(cause, string(identity.CauseOther)) // so that nobody is accused of what nobody has chosen
	var causes []Choice
	for _, c := range identity.Causes() {
		causes = append(causes, Choice{string(c), web.Say(v.Context(), c.Text()), string(c) == cause})
	}
	d.Cause, d.Because, d.Days = categoryField("category", causes), becauseField(), nil
	for _, n := range []int{1, 7, 30} {
		d.Days = append(d.Days, DayChoice{n, strconv.Itoa(n) == days})
	}
}

// spokenCause returns why an account is suspended, as it stands in the log, with the cause in words.
func spokenCause(v *visit, why string) string {
	code, words, _ := strings.Cut(why, ": ")
	cause := identity.Cause(code)
	if !slices.Contains(identity.Causes(), cause) {
		return why
	}
	return web.Say(v.Context(), identity.Suspension{Cause: cause, Reason: words}.Text())
}

// becauseField is where the own words beside a cause are typed.
func becauseField() Field {
	f := whyField("suspend")
	f.Label, f.Hint, f.Optional = "admin.words", "admin.reason.read", true
	return f
}

func (s *Site) userVideos(ctx context.Context, ownerID string) (all []UserVideo, total int, err error) {
	videos, total, err := s.media.List(ctx, ownerID, "", 0, mostVideos)
	if err != nil {
		return nil, 0, err
	}
	ids := make([]string, len(videos))
	for i, video := range videos {
		ids[i] = video.ID
	}
	hidings, err := s.moderation.HidingsOf(ctx, ids)
	if err != nil {
		return nil, 0, err
	}
	for _, video := range videos {
		u := UserVideo{video.ID, video.Title, states[video.Status].Text, video.Status == media.Processed}
		if _, hidden := hidings[video.ID]; hidden {
			u.State = "state.hidden"
		}
		all = append(all, u)
	}
	return all, total, nil
}

func (s *Site) getUser(v *visit) (web.View, error) {
	d, err := s.adminUserPage(v)
	if err != nil {
		return web.View{}, err
	}
	return s.showAdmin(http.StatusOK, d)
}

// namesOf returns the names of roles for a form.
func namesOf(roles []identity.Role) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(names, " ")
}

// actOnUser returns what does the thing that a form of the page is for to the account of the address, and says so.
func (s *Site) actOnUser(
	name, said string, act func(v *visit, by identity.Actor, id string, form formValues) error,
) page {
	return func(v *visit) (web.View, error) {
		form, err := web.Form(v.Request)
		if err != nil {
			return web.View{}, err
		}
		id := v.PathValue("id")
		by := identity.Actor{ID: v.caller, Reason: form.Get("reason"), Cause: identity.Cause(form.Get("category"))}
		if err := act(v, by, id, formValues(form)); err != nil {
			d, readErr := s.adminUserPage(v)
			if readErr != nil {
				return web.View{}, readErr
			}
			status, err := d.refuse(v, name, form, err)
			if err != nil {
				return web.View{}, err
			}
			return s.showAdmin(status, d)
		}
		return v.goTo("/admin/users/" + id + "?said=" + said)
	}
}

// refuse shows the form of this name as it was sent, with what is to be corrected. If somebody else has changed the
// roles meanwhile, it shows those, and beside them which ones were asked for.
func (d *AdminUserPage) refuse(v *visit, name string, form url.Values, err error) (status int, _ error) {
	why := whyField(name)
	if name == "suspend" {
		d.choose(v, form.Get("category"), form.Get("days"))
		why = d.Because
	}
	status, err = d.refused(v, name, form, err, d.Cause, why)
	if err != nil {
		return 0, err
	}
	d.Cause.Error = d.Error(d.Cause.ID())
	d.Because.Value, d.Because.Error = d.Typed("suspend", "reason"), d.Error(d.Because.ID())
	switch {
	case status == http.StatusConflict:
		d.Late = true
		for _, role := range rolesOf(form["role"]) {
			d.Mine = append(d.Mine, roleTexts[role])
		}
	case name == "roles":
		d.Roles, d.Seen = roleBoxes(rolesOf(form["role"])...), form.Get("seen")
	}
	return status, nil
}

// formValues are what a form sends.
type formValues map[string][]string

func (f formValues) get(name string) string {
	if len(f[name]) == 0 {
		return ""
	}
	return f[name][0]
}

func (s *Site) postRoles() page {
	return s.actOnUser("roles", "roles", func(v *visit, by identity.Actor, id string, form formValues) error {
		var seen []identity.Role
		if _, told := form["seen"]; told {
			seen = rolesOf(strings.Fields(form.get("seen")))
		}
		return s.identity.SetRoles(v.Context(), by, id, rolesOf(form["role"]), seen)
	})
}

// rolesOf returns the roles of these names; our own forms send no others. It is never nil.
func rolesOf(names []string) []identity.Role {
	roles := make([]identity.Role, 0, len(names))
	for _, name := range names {
		if role, err := identity.ParseRole(name); err == nil {
			roles = append(roles, role)
		}
	}
	return roles
}

func (s *Site) postSuspend() page {
	return s.actOnUser("suspend", "suspended", func(v *visit, by identity.Actor, id string, form formValues) error {
		var until time.Time
		if days, err := strconv.Atoi(form.get("days")); err == nil && days > 0 && days <= 3650 {
			until = time.Now().Add(time.Duration(days) * 24 * time.Hour)
		}
		_, err := s.identity.Suspend(v.Context(), by, id, until)
		return err
	})
}

func (s *Site) postUnsuspend() page {
	return s.actOnUser("unsuspend", "unsuspended", func(v *visit, by identity.Actor, id string, _ formValues) error {
		_, err := s.identity.Unsuspend(v.Context(), by, id)
		return err
	})
}

func (s *Site) postEndSessions() page {
	return s.actOnUser("end", "ended", func(v *visit, by identity.Actor, id string, _ formValues) error {
		return s.identity.EndSessions(v.Context(), by, id)
	})
}
