package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"risingstars/platform/storage/s3store/s3test"
)

// useAWS creates a bucket and two queues for the site, and names them in its settings.
func (s *site) useAWS(t *testing.T, postgres string) {
	t.Helper()
	endpoint, accessKey, secretKey := s3test.Server(t)
	bucket := s3test.New(t)
	queue, dead := newQueues(t)
	s.database, s.bucket = postgres, &bucket
	s.settings = []string{
		"DATABASE_URL=" + postgres, "SECRET_KEY=" + rand.Text() + rand.Text(), "SHUTDOWN_DRAIN_SECONDS=0",
		"STORAGE_BACKEND=s3", "AWS_S3_BUCKET=" + bucket.Name, "AWS_REGION=" + s3test.Region,
		"SQS_QUEUE_URL=" + queue, "SQS_DLQ_URL=" + dead, "SQS_VISIBILITY_TIMEOUT=30",
		// The SDK itself reads the following.
		"AWS_ENDPOINT_URL_S3=" + endpoint.String(), "AWS_ENDPOINT_URL_SQS=" + serverURL(t, "TEST_SQS_URL"),
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_EC2_METADATA_DISABLED=true",
	}
}

// newQueues creates a queue and, named in its redrive policy, another one for its dead letters, as infra/aws does.
func newQueues(t *testing.T) (queue, dead string) {
	t.Helper()
	name := "site-" + strings.ToLower(rand.Text())
	var created struct{ QueueUrl string }
	callSQS(t, "CreateQueue", map[string]any{"QueueName": name + "-dead"}, &created)
	dead = created.QueueUrl
	var found struct{ Attributes map[string]string }
	callSQS(t, "GetQueueAttributes", map[string]any{
		"QueueUrl": dead, "AttributeNames": []string{"QueueArn"},
	}, &found)
	policy := fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, found.Attributes["QueueArn"])
	callSQS(t, "CreateQueue", map[string]any{
		"QueueName": name, "Attributes": map[string]string{"RedrivePolicy": policy, "VisibilityTimeout": "120"},
	}, &created)
	return created.QueueUrl, dead
}

// callSQS calls the test server, which checks no signature, and decodes its response into out.
func callSQS(t *testing.T, action string, in map[string]any, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	sqs := serverURL(t, "TEST_SQS_URL")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sqs, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("Authorization",
		"AWS4-HMAC-SHA256 Credential=test/20261101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0")
	send(t, request).want(t, http.StatusOK, "").decode(t, out)
}
