package s3store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"risingstars/platform/storage"
)

const (
	// partBytes is the smallest size that S3 accepts. Objects up to 48 GiB fit into MaxParts of them.
	partBytes = storage.MinPartBytes
	// partsInFlight lets one upload send two parts while it reads the next one.
	partsInFlight = 2
	// tokenName is the metadata key with the token of the upload that created the object.
	tokenName = "upload"
)

// Put sends content smaller than a part in one request and any other in a multipart upload. The end of ctx does not
// interrupt the last request, which creates the object: it ends within the call timeout, and its result shows whether
// the object is there.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, contentType string) (storage.Object, error) {
	first := s.buffers.part()
	end, err := first.fill(r)
	if err == nil && !end {
		return s.putParts(ctx, key, contentType, first, r)
	}
	defer first.release()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return storage.Object{}, err
	}

	var out *s3.PutObjectOutput
	err = s.call(context.WithoutCancel(ctx), func(ctx context.Context) error {
		out, err = s.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &s.bucket, Key: &key, ContentType: &contentType, CacheControl: s.cacheControl(key),
			Body: first.content(), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
			ServerSideEncryption: types.ServerSideEncryptionAes256,
		})
		return err
	})
	if err != nil {
		return storage.Object{}, err
	}
	return storage.Object{
		Key: key, Size: first.size, ContentType: contentType, ModTime: time.Now(), ETag: aws.ToString(out.ETag),
	}, nil
}

// cacheControl is stored with an object, for the CDN.
func (s *Store) cacheControl(key string) *string {
	return aws.String(storage.CacheControl(s.isPublic(key)))
}

// putParts sends first, which is full and which it releases, and then the rest of r. After an error it aborts the
// upload; if that fails too, its parts stay in S3.
func (s *Store) putParts(
	ctx context.Context, key, contentType string, first *part, r io.Reader,
) (storage.Object, error) {
	token := rand.Text()
	id, err := s.create(ctx, key, contentType, token, types.ChecksumAlgorithmCrc32)
	if err != nil {
		first.release()
		return storage.Object{}, err
	}
	parts, size, err := s.sendParts(ctx, key, id, first, r)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return storage.Object{}, errors.Join(err, s.abort(context.WithoutCancel(ctx), key, id))
	}
	ctx = context.WithoutCancel(ctx)
	etag, err := s.complete(ctx, key, id, parts)
	if err != nil {
		find := s.findCompleted
		if errors.Is(err, storage.ErrNoUpload) {
			find = s.awaitCompleted // the answer was lost
		}
		if obj, findErr := find(ctx, key, token); findErr == nil {
			return obj, nil
		}
		return storage.Object{}, errors.Join(err, s.abort(ctx, key, id))
	}
	return storage.Object{Key: key, Size: size, ContentType: contentType, ModTime: time.Now(), ETag: etag}, nil
}

// sendParts sends first and then r part by part, up to partsInFlight parts at a time, and releases each. The first
// error stops the other parts. In any case it waits until no part is being sent.
func (s *Store) sendParts(
	ctx context.Context, key, id string, first *part, r io.Reader,
) ([]types.CompletedPart, int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		sending  sync.WaitGroup
		inFlight = make(chan struct{}, partsInFlight)
		parts    []*types.CompletedPart
		size     int64
	)
	send := func(p *part) {
		inFlight <- struct{}{}
		sent := &types.CompletedPart{PartNumber: aws.Int32(int32(len(parts) + 1))}
		parts = append(parts, sent)
		size += p.size
		sending.Go(func() {
			defer func() { p.release(); <-inFlight }()
			if err := s.sendPart(ctx, key, id, sent, p); err != nil {
				cancel(err)
			}
		})
	}
	send(first)
	for end := false; !end && ctx.Err() == nil; {
		p := s.buffers.part()
		var err error
		end, err = p.fill(r)
		switch {
		case err != nil:
			cancel(err)
		case p.size > 0 && len(parts) == storage.MaxParts:
			cancel(fmt.Errorf("%w: more than %d parts", storage.ErrTooLarge, storage.MaxParts))
		case p.size > 0:
			send(p)
			continue
		}
		p.release()
	}
	sending.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, 0, err
	}
	sent := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		sent[i] = *p
	}
	return sent, size, nil
}

// sendPart sends p and sets the ETag and the checksum of sent. Its only time limit is the idle timeout, because the
// time for a part depends on the network.
func (s *Store) sendPart(ctx context.Context, key, id string, sent *types.CompletedPart, p *part) error {
	out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.bucket, Key: &key, UploadId: &id, PartNumber: sent.PartNumber, Body: p.content(),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return translate(ctx, err)
	}
	sent.ETag, sent.ChecksumCRC32 = out.ETag, out.ChecksumCRC32
	return nil
}
