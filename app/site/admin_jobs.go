package site

import (
	"context"
	"net/http"
	"strings"
	"time"

	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/platform/queue"
	"risingstars/platform/web"
)

// mostDead is how many dead letters the page lists.
const mostDead = 100

// AdminJobsPage shows what waits, what runs, and what failed for good.
type AdminJobsPage struct {
	AdminFrame

	Ready, InFlight, Delayed, Dead int
	Oldest                         time.Duration // the longest that a ready task has waited
	Waiting, Processing            int           // videos
	Running                        []JobRow
	Letters                        []DeadRow
	Again                          string // the address of this page
	Chosen                         string // the id of the dead letter that is to run again
}

func (*AdminJobsPage) file() string { return "admin-jobs" }

// JobRow is a video that is being processed.
type JobRow struct {
	Of       JobVideo
	Step     string // the id of a text, or ""
	Progress int
	Attempt  int
}

// JobVideo is what a job is about, and whose that is. Without a title, there is no such video.
type JobVideo struct{ ID, Title, OwnerID, Owner string }

// DeadRow is a task that failed for good. Tail is the rest of a long reason.
type DeadRow struct {
	ID, Kind, Reason, Tail string
	Of                     JobVideo
	Attempts               int
	DiedAt                 time.Time
}

// reasonLength is how many letters of a reason stand in the table.
const reasonLength = 120

func deadRow(d queue.DeadTask) DeadRow {
	row := DeadRow{ID: d.ID, Kind: d.Kind, Attempts: d.Attempts, DiedAt: d.DiedAt}
	first, rest, _ := strings.Cut(d.Reason, "\n")
	if row.Reason = cut(first, reasonLength); row.Reason != first || rest != "" {
		row.Tail = d.Reason
	}
	return row
}

func (s *Site) adminJobsPage(v *visit) (*AdminJobsPage, error) {
	ctx := v.Context()
	frame, err := s.adminFrame(v, "admin.jobs", identity.ReadJobs)
	if err != nil {
		return nil, err
	}
	stats, err := s.queue.Stats(ctx)
	if err != nil {
		return nil, err
	}
	d := &AdminJobsPage{
		AdminFrame: frame, Ready: stats.Ready, InFlight: stats.InFlight, Delayed: stats.Delayed, Dead: stats.Dead,
		Oldest: stats.OldestReady, Again: v.link("/admin/jobs"),
	}
	census, err := s.media.Count(ctx)
	if err != nil {
		return nil, err
	}
	d.Waiting, d.Processing = census.Waiting, census.Processing
	dead, err := s.queue.Dead(ctx, mostDead)
	if err != nil {
		return nil, err
	}
	about, err := s.jobVideos(ctx, census.Jobs, dead)
	if err != nil {
		return nil, err
	}
	for _, j := range census.Jobs {
		d.Running = append(d.Running, JobRow{
			Of: about(j.VideoID), Step: steps[j.Step], Progress: j.Percent, Attempt: j.Attempt,
		})
	}
	for _, letter := range dead {
		row := deadRow(letter)
		row.Of = about(letter.ID)
		d.Letters = append(d.Letters, row)
	}
	return d, nil
}

// jobVideos returns what tells which video a job is about. The tasks about one have its id.
func (s *Site) jobVideos(
	ctx context.Context, jobs []media.JobUnderWay, dead []queue.DeadTask,
) (about func(id string) JobVideo, err error) {
	var ids, owners []string
	for _, j := range jobs {
		ids = append(ids, j.VideoID)
	}
	for _, letter := range dead {
		ids = append(ids, letter.ID)
	}
	titles, err := s.media.TitlesOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, of := range titles {
		owners = append(owners, of.OwnerID)
	}
	names, err := s.identity.PlayerNames(ctx, owners)
	return func(id string) JobVideo {
		of := titles[id]
		return JobVideo{ID: id, Title: of.Title, OwnerID: of.OwnerID, Owner: names[of.OwnerID]}
	}, err
}

func (s *Site) getJobs(v *visit) (web.View, error) {
	d, err := s.adminJobsPage(v)
	if err != nil {
		return web.View{}, err
	}
	return s.showAdmin(http.StatusOK, d)
}

// postRedrive runs one dead letter again, or all, as app queue redrive does. The record comes first: a queue joins no
// transaction, and an act without a record would be worse than a record without an act.
func (s *Site) postRedrive(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	ctx, id := v.Context(), form.Get("id")
	subject := "tasks"
	if id != "" {
		subject = "task:" + cut(id, 100)
	}
	by := identity.Actor{ID: v.caller, Reason: form.Get("reason")}
	if err := s.identity.Announce(ctx, by, identity.RedriveTasks, subject); err != nil {
		d, readErr := s.adminJobsPage(v)
		if readErr != nil {
			return web.View{}, readErr
		}
		status, err := d.refused(v, "redrive", form, err, whyField("redrive"))
		if err != nil {
			return web.View{}, err
		}
		d.Chosen = id
		return s.showAdmin(status, d)
	}
	redriven, err := s.queue.RedriveAll(ctx, func(d queue.DeadTask) bool { return id == "" || d.ID == id })
	if err != nil {
		return web.View{}, err
	}
	if len(redriven) == 0 {
		return v.goTo("/admin/jobs?said=nothing")
	}
	return v.goTo("/admin/jobs?said=redriven")
}
