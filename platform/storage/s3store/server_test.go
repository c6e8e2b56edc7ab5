package s3store_test

import (
	"net/url"
	"os"
	"testing"

	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store"
	"risingstars/platform/storage/s3store/s3test"
)

// The driver reads credentials only from the environment, which parallel tests cannot set.
func TestMain(m *testing.M) {
	settings := map[string]string{
		"AWS_EC2_METADATA_DISABLED":   "true",
		"AWS_CONFIG_FILE":             os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
	if u, err := url.Parse(os.Getenv(s3test.ServerVariable)); err == nil && u.User != nil {
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

// server returns the URL of the S3 server without its credentials.
func server(t testing.TB) *url.URL {
	t.Helper()
	endpoint, _, _ := s3test.Server(t)
	return endpoint
}

func options(t testing.TB, bucket string) s3store.Options {
	t.Helper()
	return s3store.Options{Bucket: bucket, Region: s3test.Region, EndpointURL: server(t).String()}
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
	b := storage.New(store, storage.Options{})
	return b
}
