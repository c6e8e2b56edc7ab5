package media

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"risingstars/platform/database/databasetest"
)

// No statement of a job, a sweep or a page may read or sort all videos.
func TestStoreUsesIndexes(t *testing.T) {
	t.Parallel()
	planner := databasetest.OpenPlanner(t, Migrations())
	s := &store{planner.DB}
	// 3,000 videos in no order: 2 % of them wait, and another 2 % are mocks, which resemble waiting videos.
	err := planner.InTx(t.Context(), func(ctx context.Context) error {
		_, err := planner.Exec(ctx, `
			WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 3000)
			INSERT INTO media_videos
				(id, owner_id, title, description, status, mock, sent_at, original_key, uploaded_at)
			SELECT printf('00000000-0000-7000-8000-%012d', i * 7919 % 1000003), 'owner ' || (i % 1000), 'Song', '',
				CASE WHEN i % 50 < 2 THEN 'uploaded' ELSE 'processed' END, i % 50 = 1,
				i * 17 % 100003, 'key', i
			FROM numbers`)
		if err == nil {
			_, err = planner.Exec(ctx, `INSERT INTO media_turns SELECT DISTINCT owner_id, 1 FROM media_videos`)
		}
		if err == nil {
			_, err = planner.Exec(ctx, `
				INSERT INTO media_rebrands (video_id, branding, sent_at, failure)
				SELECT id, 'new', sent_at, CASE WHEN sent_at % 7 = 0 THEN 'why' ELSE '' END FROM media_videos`)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, ask func() error) {
		t.Helper()
		plans := planner.Plan(t, func() {
			if err := ask(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		for statement, plan := range plans {
			if strings.Contains(statement, "RECURSIVE") { // the few rows of its own may be scanned and sorted
				plan = strings.NewReplacer("SCAN CONSTANT ROW\n", "", "SCAN oldest\n", "", "SCAN best\n", "",
					"SCAN line\n", "", "USE TEMP B-TREE FOR ORDER BY\n", "").Replace(plan)
			}
			// The first entries of an index, in its order.
			plan = strings.NewReplacer("SCAN w USING INDEX media_videos_queue_idx\n", "",
				"SCAN p USING INDEX media_videos_under_way_idx\n", "",
				"SCAN media_rebrands USING INDEX media_rebrands_due_idx\n", "").Replace(plan + "\n")
			if strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "SCAN") {
				t.Errorf("%s:\n%s\n%s", name, statement, plan)
			}
		}
	}
	for _, state := range []string{"as deployed", "with statistics"} {
		if state == "with statistics" {
			if _, err := planner.Exec(t.Context(), "ANALYZE"); err != nil {
				t.Fatal(err)
			}
		}
		var waiting []string
		check("silent, "+state, func() (err error) {
			videos, err := s.takeSilent(t.Context(), time.Minute, 50)
			for _, v := range videos {
				waiting = append(waiting, v.ID)
				err = errors.Join(err, s.notSent(t.Context(), v))
			}
			return err
		})
		if len(waiting) != 50 {
			t.Fatalf("%d videos wait, want 50", len(waiting))
		}
		check("claim, "+state, func() error {
			v, claimed, err := s.claim(t.Context(), waiting[0])
			if err == nil && !claimed {
				t.Error("not claimed")
			}
			if err == nil {
				_, err = s.renew(t.Context(), v, stepProbing, 1)
			}
			return err
		})
		check("queue, "+state, func() error {
			videos, err := s.queued(t.Context(), 40)
			if err == nil && len(videos) != 40 {
				t.Errorf("%d videos are queued", len(videos))
			}
			return err
		})
		for _, status := range []Status{"", Processed} {
			check("list, "+state, func() error {
				videos, total, err := s.byOwner(t.Context(), "owner 7", status, 0, 20)
				if err == nil && (len(videos) == 0 || total < len(videos)) {
					t.Errorf("%d videos of %d", len(videos), total)
				}
				return err
			})
		}
		check("rebranding, "+state, func() error {
			_, err := s.takeRebrands(t.Context(), "new", time.Minute)
			if err == nil {
				_, _, _, err = s.claimRebrand(t.Context(), waiting[0], "new")
			}
			if err == nil {
				_, err = s.rebrandOf(t.Context(), waiting[0])
			}
			return err
		})
		check("due orphans, "+state, func() error {
			_, err := s.dueFiles(t.Context(), 50)
			return err
		})
	}
}
