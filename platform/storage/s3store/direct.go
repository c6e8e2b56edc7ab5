package s3store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"risingstars/platform/storage"
)

// BeginDirect starts a multipart upload without a checksum of ours: the client would have to send one with each part. S3 makes its own.
func (s *Store) BeginDirect(ctx context.Context, key, contentType string) (string, error) {
	token := rand.Text()
	id, err := s.create(ctx, key, contentType, token, "")
	if err != nil {
		return "", err
	}
	return token + "." + id, nil
}

// splitUpload parts an upload's id for our callers into the token of its object and S3's id.
func splitUpload(uploadID string) (token, id string, err error) {
	token, id, _ = strings.Cut(uploadID, ".")
	if token == "" || id == "" {
		return "", "", storage.ErrNoUpload
	}
	return token, id, nil
}

// PresignPart signs the length, too: S3 refuses another one.
func (s *Store) PresignPart(ctx context.Context, key, uploadID string, part int, size int64, ttl time.Duration) (string, error) {
	_, id, err := splitUpload(uploadID)
	if err != nil {
		return "", err
	}
	return s.presign(ctx, ttl, func(ctx context.Context, expires func(*s3.PresignOptions)) (*request, error) {
		return s.presigner.PresignUploadPart(ctx, &s3.UploadPartInput{
			Bucket: &s.bucket, Key: &key, UploadId: &id, PartNumber: aws.Int32(int32(part)), ContentLength: &size,
		}, expires)
	})
}

// CompleteDirect compares the sizes itself, as S3 looks at numbers and ETags only. An upload that is gone may just be completed by
// somebody else: S3 is asked all the same.
func (s *Store) CompleteDirect(ctx context.Context, key, uploadID string, parts []storage.Part) (storage.Object, error) {
	token, id, err := splitUpload(uploadID)
	if err != nil {
		return storage.Object{}, err
	}
	there, err := s.parts(ctx, key, id)
	gone := errors.Is(err, storage.ErrNoUpload)
	if err == nil {
		err = compare(parts, there)
	}
	if err != nil && !gone {
		return storage.Object{}, err
	}
	named := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		named[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: aws.String(p.ETag)}
	}
	_, completeErr := s.complete(ctx, key, id, named)
	if gone && errors.Is(completeErr, storage.ErrBadParts) {
		completeErr = storage.ErrNoUpload
	}
	find := s.made
	// Of several who complete an upload, all but one may be told of the success before the object is there. And one that was there a moment
	// ago is gone because S3 made the object and the answer was lost, or because it was aborted.
	if completeErr == nil || !gone && errors.Is(completeErr, storage.ErrNoUpload) {
		find = s.madeSoon
	}
	obj, err := find(ctx, key, token)
	if errors.Is(err, storage.ErrNoUpload) && completeErr != nil {
		err = completeErr
	}
	return obj, err
}

func compare(named, there []storage.Part) error {
	stored := map[int]storage.Part{}
	for _, p := range there {
		stored[p.Number] = p
	}
	for _, p := range named {
		if stored[p.Number] != p {
			return fmt.Errorf("%w: number %d is missing or not the one named", storage.ErrBadParts, p.Number)
		}
	}
	return nil
}

// AbortDirect finds nothing to do when the upload was completed.
func (s *Store) AbortDirect(ctx context.Context, key, uploadID string) error {
	_, id, err := splitUpload(uploadID)
	if err != nil {
		return nil //nolint:nilerr // there is no such upload: it is as good as aborted
	}
	return s.abort(ctx, key, id)
}

// DirectParts asks S3.
func (s *Store) DirectParts(ctx context.Context, key, uploadID string) ([]storage.Part, error) {
	_, id, err := splitUpload(uploadID)
	if err != nil {
		return nil, err
	}
	return s.parts(ctx, key, id)
}
