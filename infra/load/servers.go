package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// stageServers makes a database of its own, and a queue and storage, on the servers that infra/setup/test.sh has
// started, and returns the settings of a site that uses them.
func stageServers(ctx context.Context, stage string) ([]string, error) {
	database, err := newDatabase(ctx)
	if err != nil {
		return nil, err
	}
	settings := []string{"DATABASE_URL=" + database, "SECRET_KEY=" + secret(), "SHUTDOWN_DRAIN_SECONDS=0"}
	switch stage {
	case "onehost":
		redis, err := server("TEST_REDIS_URL")
		return append(settings, "QUEUE_BACKEND=redis", "REDIS_URL="+redis+"/0"), err
	case "aws":
		standIns, err := standIns(ctx)
		return append(settings, standIns...), err
	}
	return nil, fmt.Errorf("%q is not a stage: embedded, onehost or aws", stage)
}

func server(variable string) (string, error) {
	if address := os.Getenv(variable); address != "" {
		return address, nil
	}
	return "", fmt.Errorf("%s is not set: use `make load-…`, or run this by "+
		"infra/setup/test.sh --postgres --redis --s3 --sqs", variable)
}

func newDatabase(ctx context.Context) (string, error) {
	address, err := server("TEST_POSTGRES_URL")
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("TEST_POSTGRES_URL is malformed") // the cause would quote the password
	}
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	name := "load_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// standIns makes a bucket and queues on servers that behave like S3 and SQS.
func standIns(ctx context.Context) ([]string, error) {
	s3, err := server("TEST_S3_URL")
	if err != nil {
		return nil, err
	}
	sqs, err := server("TEST_SQS_URL")
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s3)
	if err != nil {
		return nil, err
	}
	access := u.User.Username()
	key, _ := u.User.Password()
	u.User = nil
	// versitygw keeps a bucket as a folder. infra/setup/test.sh has it use this one.
	bucket := "load-" + strings.ToLower(rand.Text())
	if err := os.Mkdir(filepath.Join(os.TempDir(), "s3", "buckets", bucket), 0o755); err != nil {
		return nil, err
	}
	dead, err := newQueue(ctx, sqs, bucket+"-dead", nil)
	if err != nil {
		return nil, err
	}
	var found struct{ Attributes map[string]string }
	err = callSQS(ctx, sqs, "GetQueueAttributes", map[string]any{
		"QueueUrl": dead, "AttributeNames": []string{"QueueArn"},
	}, &found)
	if err != nil {
		return nil, err
	}
	policy := fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, found.Attributes["QueueArn"])
	queue, err := newQueue(ctx, sqs, bucket, map[string]string{"RedrivePolicy": policy, "VisibilityTimeout": "120"})
	return []string{
		"STORAGE_BACKEND=s3", "AWS_S3_BUCKET=" + bucket, "AWS_REGION=us-east-1", "QUEUE_BACKEND=sqs",
		"SQS_QUEUE_URL=" + queue, "SQS_DLQ_URL=" + dead, "AWS_ENDPOINT_URL_S3=" + u.String(),
		"AWS_ENDPOINT_URL_SQS=" + sqs, "AWS_ACCESS_KEY_ID=" + access, "AWS_SECRET_ACCESS_KEY=" + key,
		"AWS_EC2_METADATA_DISABLED=true",
	}, err
}

func newQueue(ctx context.Context, sqs, name string, attributes map[string]string) (string, error) {
	in := map[string]any{"QueueName": name}
	if attributes != nil {
		in["Attributes"] = attributes
	}
	var created struct{ QueueUrl string }
	err := callSQS(ctx, sqs, "CreateQueue", in, &created)
	return created.QueueUrl, err
}

// callSQS calls the stand-in, which checks no signature, and decodes its answer into out.
func callSQS(ctx context.Context, sqs, action string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, sqs, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("Authorization",
		"AWS4-HMAC-SHA256 Credential=test/20261101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0")
	status, err := send(request, out)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("SQS answers %s with %d", action, status)
	}
	return err
}
