package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A start that fails because of AWS ends in one line that names the variable and contains no credentials and no
// signature.
func TestAWSStartFailureIsOneLine(t *testing.T) {
	onlyInStage(t, aws)
	t.Parallel()
	s := newSite(t)
	unreachable := fmt.Sprintf("http://127.0.0.1:%d", reservePort(t))
	queue, dead := newQueues(t)
	for name, c := range map[string]struct{ setting, variable string }{
		"no such bucket":       {"AWS_S3_BUCKET=" + s.bucket.Name + "-none", "AWS_S3_BUCKET"},
		"wrong credentials":    {"AWS_SECRET_ACCESS_KEY=hunter2hunter2", "AWS_S3_BUCKET"},
		"S3 unreachable":       {"AWS_ENDPOINT_URL_S3=" + unreachable, "AWS_S3_BUCKET"},
		"no such queue":        {"SQS_QUEUE_URL=" + queue + "-none", "SQS_QUEUE_URL"},
		"no such dead letters": {"SQS_DLQ_URL=" + dead + "-none", "SQS_QUEUE_URL"},
		"SQS unreachable":      {"AWS_ENDPOINT_URL_SQS=" + unreachable, "SQS_QUEUE_URL"},
	} {
		for _, role := range roles() {
			_, errs, code := s.runAppWith(t, []string{"HTTP_ADDR=127.0.0.1:0", "LOG_LEVEL=error", c.setting}, role)
			t.Logf("%s, %s: %s", name, role, errs)
			if code != exitFailure || !strings.HasPrefix(errs, "app: ") || strings.Count(errs, "\n") != 1 ||
				!strings.Contains(errs, c.variable) || strings.Contains(errs, "hunter2") ||
				strings.Contains(errs, "X-Amz") {
				t.Errorf("%s, %s: exit code %d, want %d and one line that names %s:\n%s",
					name, role, code, exitFailure, c.variable, errs)
			}
		}
	}
	out, errs, code := s.runApp(t, "doctor")
	if code != 0 || !strings.Contains(out, "s3") || !strings.Contains(out, "queue sqs") {
		t.Errorf("doctor: exit code %d\n%s%s", code, out, errs)
	}
}
