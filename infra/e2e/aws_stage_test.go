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

// useAWS gives the site a bucket and two queues of its own.
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
		// What follows is the SDK's own.
		"AWS_ENDPOINT_URL_S3=" + endpoint.String(), "AWS_ENDPOINT_URL_SQS=" + server(t, "TEST_SQS_URL"),
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_EC2_METADATA_DISABLED=true",
	}
}

// newQueues makes a queue and, by its redrive policy, another one for its dead letters, as infra/aws does.
func newQueues(t *testing.T) (queue, dead string) {
	t.Helper()
	name := "site-" + strings.ToLower(rand.Text())
	var made struct{ QueueUrl string }
	askSQS(t, "CreateQueue", map[string]any{"QueueName": name + "-dead"}, &made)
	dead = made.QueueUrl
	var found struct{ Attributes map[string]string }
	askSQS(t, "GetQueueAttributes", map[string]any{"QueueUrl": dead, "AttributeNames": []string{"QueueArn"}}, &found)
	policy := fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, found.Attributes["QueueArn"])
	askSQS(t, "CreateQueue", map[string]any{
		"QueueName": name, "Attributes": map[string]string{"RedrivePolicy": policy, "VisibilityTimeout": "120"},
	}, &made)
	return made.QueueUrl, dead
}

// askSQS calls the test server, which looks at no signature.
func askSQS(t *testing.T, action string, in map[string]any, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server(t, "TEST_SQS_URL"), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20261101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0")
	send(t, request).want(t, http.StatusOK, "").into(t, out)
}
