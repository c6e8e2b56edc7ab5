package media

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"risingstars/platform/database"
)

// What has become of videos lately is counted by the time at which it has, and by its reason; mocks, what waits again
// and what is from a clock that was set back do not count.
func TestTheLastHourIsCountedByReason(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		now := s.now(t)
		ago := func(d time.Duration) int64 { return database.Micros(now.Add(-d)) }
		add := func(status Status, set string, args ...any) {
			t.Helper()
			s.set(t, s.insert(t, status).ID, set, args...)
		}
		add(Processed, "processed_at = ?", ago(time.Minute))
		add(Processed, "processed_at = ?", ago(50*time.Minute))
		add(Processed, "processed_at = ?", ago(2*time.Hour))
		add(Processed, "processed_at = ?", ago(-time.Hour))
		add(Processed, "processed_at = ?, mock = TRUE", ago(time.Minute))
		add(Failed, "failed_at = ?, failure_code = 'too_short'", ago(time.Minute))
		add(Failed, "failed_at = ?, failure_code = 'too_short'", ago(2*time.Minute))
		add(Failed, "failed_at = ?, failure_code = 'processing_error'", ago(time.Minute))
		add(Failed, "failed_at = ?, failure_code = 'not_a_video'", ago(90*time.Minute))
		add(Uploaded, "failed_at = ?", ago(time.Minute))
		census, err := s.Count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := LastHour{Published: 2, Failed: map[string]int{"too_short": 2, "processing_error": 1}}
		if diff := cmp.Diff(want, census.LastHour); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
