package s3store

import (
	"context"
	"fmt"
	"mime"
	"path"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"risingstars/platform/storage"
)

// maxTTL is S3's own limit.
const maxTTL = 7 * 24 * time.Hour

type request = v4.PresignedHTTPRequest

// URL returns the lasting address of a public object and a presigned URL of any other.
func (s *Store) URL(ctx context.Context, key string, ttl time.Duration) (string, error) {
	if url, ok := s.public(key); ok {
		return url, nil
	}
	return s.SignedURL(ctx, key, ttl)
}

// SignedURL returns a presigned URL. The answer to it has the content type of the key's extension, even if a client
// uploaded the object with another type, a file name for saving it, and says for how long caches may keep it.
func (s *Store) SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error) {
	disposition := mime.FormatMediaType("inline", map[string]string{"filename": path.Base(key)})
	return s.presign(ctx, ttl, func(ctx context.Context, expires func(*s3.PresignOptions)) (*request, error) {
		return s.presigner.PresignGetObject(ctx, &s3.GetObjectInput{
			Bucket: &s.bucket, Key: &key,
			ResponseContentType:        aws.String(storage.ContentType(key)),
			ResponseContentDisposition: &disposition,
			ResponseCacheControl:       s.cacheControl(key),
		}, expires)
	})
}

// presign uses the network only to renew credentials.
func (s *Store) presign(
	ctx context.Context, ttl time.Duration, sign func(context.Context, func(*s3.PresignOptions)) (*request, error),
) (url string, err error) {
	if ttl > maxTTL {
		return "", fmt.Errorf("URL lifetime %s exceeds the %s that S3 allows", ttl, maxTTL)
	}
	// S3 counts whole seconds.
	ttl = (ttl + time.Second - 1).Truncate(time.Second)
	err = s.call(ctx, func(ctx context.Context) error {
		signed, err := sign(ctx, s3.WithPresignExpires(ttl))
		if err == nil {
			url = signed.URL
		}
		return err
	})
	return url, err
}
