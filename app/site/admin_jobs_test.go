package site_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/queue"
)

// The page of jobs shows what failed for good, and runs it again.
func TestADeadJobIsRunAgainFromThePage(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	boss := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin))
	boss.get(t, "/admin/jobs").has(t, "Ningún trabajo ha fallado")
	ana := h.account(t, "Ana", "Bogotá")
	task := queue.Task{Kind: "media.process", ID: h.publish(t, ana, "El primer vuelo"), Payload: []byte("{}")}
	if err := h.queue.Enqueue(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	h.change(t, h.db, "UPDATE queue_tasks SET state = 'dead', died_at = 1, reason = ? WHERE id = ?",
		"ffmpeg: exit 1\nframe 12: broken", task.ID)
	whose := `El primer vuelo <span class="muted"><a href="/admin/users/` + ana.ID + `">Ana Ruiz</a>`
	boss.get(t, "/admin/jobs").has(t, "1 trabajo falló", "ffmpeg: exit 1", "frame 12: broken", "Ver todo", whose)
	h.beginJob(t, task.ID)
	if n := strings.Count(boss.get(t, "/admin/jobs").body, whose); n != 2 {
		t.Errorf("of a job under way and a dead one, %d say whose they are", n)
	}
	wrong := boss.post(t, "/admin/jobs/redrive", "id", task.ID)
	if wrong.status != http.StatusUnprocessableEntity {
		t.Errorf("without a reason it answers %d", wrong.status)
	}
	wrong.has(t, `value="`+task.ID+`" selected`, `href="#redrive-reason"`)
	none := boss.post(t, "/admin/jobs/redrive", "id", "none", "reason", "Try")
	if none.location() != "/admin/jobs?said=nothing" {
		t.Errorf("one that does not exist answers %d %s", none.status, none.location())
	}
	for i := range 100 { // more than the page lists
		more := queue.Task{Kind: "media.process", ID: fmt.Sprint("task-", i), Payload: []byte("{}")}
		if err := h.queue.Enqueue(t.Context(), more); err != nil {
			t.Fatal(err)
		}
	}
	h.change(t, h.db, "UPDATE queue_tasks SET state = 'dead', died_at = 1, reason = 'x' WHERE state <> 'dead'")
	boss.get(t, "/admin/jobs").has(t, "Se muestran 100 de 101.")
	done := boss.post(t, "/admin/jobs/redrive", "id", "", "reason", "The disk is bigger now")
	boss.get(t, done.location()).has(t, "Los trabajos volvieron a la fila", "Ningún trabajo ha fallado")
	boss.get(t, "/admin/log?act=jobs.redrive").has(t, "The disk is bigger now", "2 acciones")
}

// beginJob makes a video look as if a worker had begun with it.
func (h *house) beginJob(t *testing.T, id string) {
	t.Helper()
	h.change(t, h.db, `UPDATE media_videos SET status = 'processing', stage = 'processing', progress = 40, attempt = 1,
		lease_until = ? WHERE id = ?`, time.Now().Add(20*time.Second).UnixMicro(), id)
}
