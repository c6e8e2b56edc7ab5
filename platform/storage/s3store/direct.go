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

// BeginDirect starts a multipart upload without a checksum algorithm, with which the client would have to send a
// checksum with each part. S3 computes its own.
func (s *Store) BeginDirect(ctx context.Context, key, contentType string, _ int64) (string, error) {
	token := rand.Text()
	id, err := s.create(ctx, key, contentType, token, "")
	if err != nil {
		return "", err
	}
	return token + "." + id, nil
}

// splitID splits an upload's id, as BeginDirect returns it, into the token of its object and S3's id.
func splitID(uploadID string) (token, id string, err error) {
	token, id, _ = strings.Cut(uploadID, ".")
	if token == "" || id == "" {
		return "", "", storage.ErrNoUpload
	}
	return token, id, nil
}

// PresignPart signs the length, too, so S3 refuses any other.
func (s *Store) PresignPart(
	ctx context.Context, key, uploadID string, part int, size int64, ttl time.Duration,
) (string, error) {
	_, id, err := splitID(uploadID)
	if err != nil {
		return "", err
	}
	return s.presign(ctx, ttl, func(ctx context.Context, expires func(*s3.PresignOptions)) (*request, error) {
		return s.presigner.PresignUploadPart(ctx, &s3.UploadPartInput{
			Bucket: &s.bucket, Key: &key, UploadId: &id, PartNumber: aws.Int32(int32(part)), ContentLength: &size,
		}, expires)
	})
}

// CompleteDirect compares the sizes itself, because S3 compares only numbers and ETags. It calls S3 even if the upload
// is gone, because another process may be completing it.
func (s *Store) CompleteDirect(
	ctx context.Context, key, uploadID string, parts []storage.Part,
) (storage.Object, error) {
	token, id, err := splitID(uploadID)
	if err != nil {
		return storage.Object{}, err
	}
	stored, err := s.parts(ctx, key, id)
	gone := errors.Is(err, storage.ErrNoUpload)
	if err == nil {
		err = checkParts(parts, stored)
	}
	if err != nil && !gone {
		return storage.Object{}, err
	}
	listed := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		listed[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: aws.String(p.ETag)}
	}
	_, completeErr := s.complete(ctx, key, id, listed)
	if gone && errors.Is(completeErr, storage.ErrBadParts) {
		completeErr = storage.ErrNoUpload
	}
	find := s.findCompleted
	// The object may appear a moment later. If several callers complete an upload, S3 may report success to all but one
	// of them before the object is there. And an upload that was there a moment ago is gone because S3 created the
	// object and the answer was lost, or because it was aborted.
	if completeErr == nil || !gone && errors.Is(completeErr, storage.ErrNoUpload) {
		find = s.awaitCompleted
	}
	obj, err := find(ctx, key, token)
	if errors.Is(err, storage.ErrNoUpload) && completeErr != nil {
		err = completeErr
	}
	return obj, err
}

// checkParts returns storage.ErrBadParts unless S3 has all the listed parts.
func checkParts(listed, stored []storage.Part) error {
	byNumber := map[int]storage.Part{}
	for _, p := range stored {
		byNumber[p.Number] = p
	}
	for _, p := range listed {
		if byNumber[p.Number] != p {
			return fmt.Errorf("%w: part %d is missing or has another size or ETag", storage.ErrBadParts, p.Number)
		}
	}
	return nil
}

// AbortDirect does nothing if the upload was completed.
func (s *Store) AbortDirect(ctx context.Context, key, uploadID string) error {
	_, id, err := splitID(uploadID)
	if err != nil {
		return nil //nolint:nilerr // an unknown upload counts as aborted
	}
	return s.abort(ctx, key, id)
}

// DirectParts lists the parts in S3.
func (s *Store) DirectParts(ctx context.Context, key, uploadID string) ([]storage.Part, error) {
	_, id, err := splitID(uploadID)
	if err != nil {
		return nil, err
	}
	return s.parts(ctx, key, id)
}
