// Package s3test gives tests a bucket of their own on the S3 server of the suite, which infra/setup/test.sh starts.
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

// ServerVariable names the setting with the URL of an S3 server and, in it, the credentials that may do everything there.
const ServerVariable = "TEST_S3_URL"

// Region is the server's.
const Region = "us-east-1"

// Server is the S3 server. A missing one fails the test with the command that starts it; -short skips.
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

// Bucket is one of the test's own, seen past the driver.
type Bucket struct {
	Name   string
	Client *s3.Client
}

// New makes a bucket that is gone when the test ends.
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
			if _, err := b.Client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.Name, Key: &key, UploadId: &id}); err != nil {
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

// Keys are those of all objects.
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
	if _, err := b.Client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &b.Name, Key: &to, CopySource: aws.String(b.Name + "/" + from)}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b.Name, Key: &from}); err != nil {
		t.Fatal(err)
	}
}

// AllowUploadsFrom lets pages of a site PUT to presigned URLs, as infra/aws does.
func (b Bucket) AllowUploadsFrom(t testing.TB, origin string) {
	t.Helper()
	_, err := b.Client.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: &b.Name, CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{{
			AllowedOrigins: []string{origin}, AllowedMethods: []string{"PUT"}, AllowedHeaders: []string{"*"}, ExposeHeaders: []string{"ETag"},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// Uploads are the ids of the multipart uploads under way, by key.
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
