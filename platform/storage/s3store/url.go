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

const (
	// S3's own limit.
	maxLife = 7 * 24 * time.Hour
	// Longer than any run of ffmpeg may take.
	inputLife = 6 * time.Hour
)

type request = v4.PresignedHTTPRequest

// URL is presigned, but for public objects, whose address is the CDN's. The answer has the type of the key's extension, whatever a client said when it uploaded the object, and a file name
// for those who save it.
func (s *Store) URL(ctx context.Context, key string, ttl time.Duration) (string, error) {
	if url, ok := s.public(key); ok {
		return url, nil
	}
	return s.presign(ctx, ttl, func(ctx context.Context, expires func(*s3.PresignOptions)) (*request, error) {
		return s.presigner.PresignGetObject(ctx, &s3.GetObjectInput{
			Bucket: &s.bucket, Key: &key,
			ResponseContentType:        aws.String(storage.ContentType(key)),
			ResponseContentDisposition: aws.String(mime.FormatMediaType("inline", map[string]string{"filename": path.Base(key)})),
		}, expires)
	})
}

// Input is presigned for six hours; a role's credentials may end it earlier.
func (s *Store) Input(ctx context.Context, key string) (string, error) {
	return s.presign(ctx, inputLife, func(ctx context.Context, expires func(*s3.PresignOptions)) (*request, error) {
		return s.presigner.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key}, expires)
	})
}

// presign needs the network only to renew credentials.
func (s *Store) presign(
	ctx context.Context, ttl time.Duration, sign func(context.Context, func(*s3.PresignOptions)) (*request, error),
) (url string, err error) {
	if ttl > maxLife {
		return "", fmt.Errorf("life time of %s, S3 allows %s", ttl, maxLife)
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
