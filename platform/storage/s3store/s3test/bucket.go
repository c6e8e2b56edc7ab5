// Package s3test creates a bucket for each test on the test suite's S3 server, which infra/setup/test.sh starts.
package s3test

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ServerVariable is the environment variable with the URL of an S3 server, including its administrator's credentials.
const ServerVariable = "TEST_S3_URL"

// Region is the region of the server.
const Region = "us-east-1"

// Server returns the address and the credentials of the S3 server. Without a server, the test fails with the command
// that starts one. The flag -short skips the test.
func Server(t testing.TB) (endpoint *url.URL, accessKey, secretKey string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no server")
	}
	u, err := url.Parse(os.Getenv(ServerVariable))
	if err != nil || u.Host == "" || u.User == nil {
		t.Fatalf("no S3 server: %s is not set. `make test` starts one, and for some packages only: "+
			"infra/setup/test.sh --s3 go test ./platform/storage/...", ServerVariable)
	}
	accessKey = u.User.Username()
	secretKey, _ = u.User.Password()
	u.User = nil
	return u, accessKey, secretKey
}

// Bucket is a test's own bucket, for access without the driver.
type Bucket struct {
	Name   string
	Client *s3.Client
}

// New creates a bucket, which is deleted when the test ends.
func New(t testing.TB) Bucket {
	t.Helper()
	endpoint, accessKey, secretKey := Server(t)
	b := Bucket{"test-" + strings.ToLower(rand.Text()), s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint.String()), UsePathStyle: true, Region: Region,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})}
	if _, err := b.Client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.Name}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.remove(t) })
	return b
}

func (b Bucket) remove(t testing.TB) {
	ctx := context.Background()
	for key, ids := range b.Uploads(t) {
		for _, id := range ids {
			abort := &s3.AbortMultipartUploadInput{Bucket: &b.Name, Key: &key, UploadId: &id}
			if _, err := b.Client.AbortMultipartUpload(ctx, abort); err != nil {
				t.Error(err)
			}
		}
	}
	for _, key := range b.Keys(t) {
		if _, err := b.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Name, Key: &key}); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b.Name}); err != nil {
		t.Error(err)
	}
}

// Keys returns the keys of all objects.
func (b Bucket) Keys(t testing.TB) (keys []string) {
	t.Helper()
	objects := s3.NewListObjectsV2Paginator(b.Client, &s3.ListObjectsV2Input{Bucket: &b.Name})
	for objects.HasMorePages() {
		page, err := objects.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	return keys
}

// Rename moves an object.
func (b Bucket) Rename(t testing.TB, from, to string) {
	t.Helper()
	source := aws.String(b.Name + "/" + from)
	copied := &s3.CopyObjectInput{Bucket: &b.Name, Key: &to, CopySource: source}
	if _, err := b.Client.CopyObject(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b.Name, Key: &from}); err != nil {
		t.Fatal(err)
	}
}

// AllowUploadsFrom allows pages of the origin to PUT to presigned URLs, as infra/aws does.
func (b Bucket) AllowUploadsFrom(t testing.TB, origin string) {
	t.Helper()
	rules := &types.CORSConfiguration{CORSRules: []types.CORSRule{{
		AllowedOrigins: []string{origin},
		AllowedMethods: []string{"PUT"},
		AllowedHeaders: []string{"*"},
		ExposeHeaders:  []string{"ETag"},
	}}}
	cors := &s3.PutBucketCorsInput{Bucket: &b.Name, CORSConfiguration: rules}
	if _, err := b.Client.PutBucketCors(t.Context(), cors); err != nil {
		t.Fatal(err)
	}
}

// Uploads returns the ids of the multipart uploads in progress, by key.
func (b Bucket) Uploads(t testing.TB) map[string][]string {
	t.Helper()
	out, err := b.Client.ListMultipartUploads(context.Background(), &s3.ListMultipartUploadsInput{Bucket: &b.Name})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string][]string{}
	for _, u := range out.Uploads {
		ids[*u.Key] = append(ids[*u.Key], *u.UploadId)
	}
	return ids
}
