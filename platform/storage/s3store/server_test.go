package s3store_test

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

	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store"
)

const (
	// serverVariable names the setting with the URL of an S3 server and, in it, the credentials that may do everything there.
	serverVariable = "TEST_S3_URL"
	region         = "us-east-1"
)

// The driver takes credentials from the environment only, and tests that run in parallel cannot set it.
func TestMain(m *testing.M) {
	settings := map[string]string{
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
	if u, err := url.Parse(os.Getenv(serverVariable)); err == nil && u.User != nil {
		settings["AWS_ACCESS_KEY_ID"] = u.User.Username()
		settings["AWS_SECRET_ACCESS_KEY"], _ = u.User.Password()
	}
	for name, value := range settings {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// server is the S3 server without the credentials.
func server(t testing.TB) *url.URL {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no server")
	}
	u, err := url.Parse(os.Getenv(serverVariable))
	if err != nil || u.Host == "" || u.User == nil {
		t.Fatalf("no S3 server: %s is not set. `make test` starts one, and for some packages only: "+
			"infra/setup/test.sh --s3 go test ./platform/storage/...", serverVariable)
	}
	u.User = nil
	return u
}

// remote is a bucket of the test's own, seen past the driver.
type remote struct {
	name   string
	client *s3.Client
}

// newBucket makes a bucket that is gone when the test ends.
func newBucket(t testing.TB) remote {
	t.Helper()
	r := remote{"test-" + strings.ToLower(rand.Text()), s3.New(s3.Options{
		BaseEndpoint: aws.String(server(t).String()), UsePathStyle: true, Region: region,
		Credentials: credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})}
	if _, err := r.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &r.name}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.remove(t) })
	return r
}

func (r remote) remove(t testing.TB) {
	ctx := context.Background()
	for key, ids := range r.uploads(t) {
		for _, id := range ids {
			if _, err := r.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &r.name, Key: &key, UploadId: &id}); err != nil {
				t.Error(err)
			}
		}
	}
	objects := s3.NewListObjectsV2Paginator(r.client, &s3.ListObjectsV2Input{Bucket: &r.name})
	for objects.HasMorePages() {
		page, err := objects.NextPage(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		for _, o := range page.Contents {
			if _, err := r.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &r.name, Key: o.Key}); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := r.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &r.name}); err != nil {
		t.Error(err)
	}
}

// uploads are the ids of the multipart uploads under way, by key.
func (r remote) uploads(t testing.TB) map[string][]string {
	t.Helper()
	out, err := r.client.ListMultipartUploads(context.Background(), &s3.ListMultipartUploadsInput{Bucket: &r.name})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string][]string{}
	for _, u := range out.Uploads {
		ids[*u.Key] = append(ids[*u.Key], *u.UploadId)
	}
	return ids
}

func options(t testing.TB, bucket string) s3store.Options {
	t.Helper()
	return s3store.Options{Bucket: bucket, Region: region, EndpointURL: server(t).String()}
}

func open(t testing.TB, opts s3store.Options) *s3store.Store {
	t.Helper()
	store, err := s3store.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func bucket(t testing.TB, store *s3store.Store) *storage.Bucket {
	t.Helper()
	b, err := storage.New(store, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
