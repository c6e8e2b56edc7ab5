package s3store

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"risingstars/platform/storage"
)

// create begins a multipart upload. Its object will carry the token, by which findCompleted recognises it.
func (s *Store) create(
	ctx context.Context, key, contentType, token string, checksum types.ChecksumAlgorithm,
) (id string, err error) {
	err = s.call(ctx, func(ctx context.Context) error {
		out, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &s.bucket, Key: &key, ContentType: &contentType, CacheControl: s.cacheControl(key),
			ChecksumAlgorithm: checksum, Metadata: map[string]string{tokenName: token},
			ServerSideEncryption: types.ServerSideEncryptionAes256,
		})
		if err == nil {
			id = aws.ToString(out.UploadId)
		}
		return err
	})
	return id, err
}

// complete creates the object. After an error, S3 may or may not have created it: an answer can be lost, and the SDK's
// retry then finds no upload. Only the object itself shows which: see findCompleted.
func (s *Store) complete(ctx context.Context, key, id string, parts []types.CompletedPart) (etag string, err error) {
	err = s.call(ctx, func(ctx context.Context) error {
		out, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &s.bucket, Key: &key, UploadId: &id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
		if err == nil {
			etag = aws.ToString(out.ETag)
		}
		return err
	})
	return etag, err
}

// findCompleted returns the object of the upload with this token, or ErrNoUpload if the key has no object or that of
// another upload.
func (s *Store) findCompleted(ctx context.Context, key, token string) (storage.Object, error) {
	obj, stored, err := s.stat(ctx, key)
	if errors.Is(err, storage.ErrNotFound) || err == nil && stored != token {
		return storage.Object{}, storage.ErrNoUpload
	}
	return obj, err
}

// awaitCompleted is like findCompleted, but waits up to about 1.5 s for an object that is about to appear.
func (s *Store) awaitCompleted(ctx context.Context, key, token string) (storage.Object, error) {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		obj, err := s.findCompleted(ctx, key, token)
		if !errors.Is(err, storage.ErrNoUpload) || wait > time.Second {
			return obj, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return storage.Object{}, ctx.Err()
		}
	}
}

// abort drops an upload and its parts. A part that arrives meanwhile may remain, so S3's documentation asks to repeat
// the call until no part is left.
func (s *Store) abort(ctx context.Context, key, id string) error {
	const attempts = 5
	for range attempts {
		err := s.call(ctx, func(ctx context.Context) error {
			_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
				Bucket: &s.bucket, Key: &key, UploadId: &id,
			})
			return err
		})
		if err == nil {
			_, err = s.parts(ctx, key, id)
		}
		if errors.Is(err, storage.ErrNoUpload) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errors.New("S3 still has parts of an aborted upload")
}

// parts returns the parts that S3 has, ordered by number.
func (s *Store) parts(ctx context.Context, key, id string) ([]storage.Part, error) {
	parts := []storage.Part{}
	pages := s3.NewListPartsPaginator(s.client, &s3.ListPartsInput{Bucket: &s.bucket, Key: &key, UploadId: &id})
	for pages.HasMorePages() {
		err := s.call(ctx, func(ctx context.Context) error {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, p := range page.Parts {
				parts = append(parts, storage.Part{
					Number: int(aws.ToInt32(p.PartNumber)), ETag: aws.ToString(p.ETag), Size: aws.ToInt64(p.Size),
				})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return parts, nil
}
