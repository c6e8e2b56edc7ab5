package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"risingstars/platform/storage"
)

// readAttempts is how often in a row Read resumes an interrupted download without receiving a byte. The SDK retries the
// request of each attempt.
const readAttempts = 3

// Open starts to download the whole object, so that reading it from the start needs only one request.
func (s *Store) Open(ctx context.Context, key string) (io.ReadSeekCloser, storage.Object, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return nil, storage.Object{}, translate(ctx, err)
	}
	obj := storage.Object{
		Key: key, Size: aws.ToInt64(out.ContentLength), ContentType: aws.ToString(out.ContentType),
		ModTime: aws.ToTime(out.LastModified), ETag: aws.ToString(out.ETag),
	}
	return &reader{ctx: ctx, store: s, obj: obj, body: out.Body}, obj, nil
}

// reader reads one version of an object.
type reader struct {
	ctx    context.Context
	store  *Store
	obj    storage.Object
	at     int64         // offset of the next Read
	body   io.ReadCloser // the open download; nil = none
	bodyAt int64         // offset of body
	broken error         // returned by every further Read: the content was wrong, or the reader is closed
}

// Seek uses no network. The next Read requests the bytes.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.obj.Size
	default:
		return 0, fmt.Errorf("seek: whence %d", whence)
	}
	if offset < 0 {
		return 0, errors.New("seek before the start")
	}
	r.at = offset
	return offset, nil
}

func (r *reader) Read(p []byte) (int, error) {
	if r.broken != nil {
		return 0, r.broken
	}
	if len(p) == 0 {
		return 0, nil
	}
	var err error
	for range readAttempts {
		// An open download is read to its EOF, because that is where the SDK compares checksums.
		if r.at >= r.obj.Size && !r.connected() {
			return 0, io.EOF
		}
		if err = r.connect(); err != nil {
			return 0, err
		}
		var n int
		n, err = r.body.Read(p)
		r.at += int64(n)
		r.bodyAt = r.at
		if errors.Is(err, io.EOF) && r.at < r.obj.Size {
			err = io.ErrUnexpectedEOF
		}
		if err == nil || errors.Is(err, io.EOF) {
			return n, err
		}
		r.disconnect()
		if r.ctx.Err() != nil || r.at >= r.obj.Size {
			r.broken = translate(r.ctx, err)
			return n, r.broken
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, translate(r.ctx, err)
}

func (r *reader) connected() bool { return r.body != nil && r.bodyAt == r.at }

// connect opens a download of the same version as Open, beginning at r.at.
func (r *reader) connect() error {
	if r.connected() {
		return nil
	}
	r.disconnect()
	out, err := r.store.client.GetObject(r.ctx, &s3.GetObjectInput{
		Bucket: &r.store.bucket, Key: &r.obj.Key,
		Range: aws.String(fmt.Sprintf("bytes=%d-", r.at)), IfMatch: &r.obj.ETag,
	})
	if statusCode(err) == http.StatusPreconditionFailed {
		return errors.New("the object was replaced while it was being read")
	}
	if err != nil {
		return translate(r.ctx, err)
	}
	r.body, r.bodyAt = out.Body, r.at
	return nil
}

func (r *reader) disconnect() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}

func (r *reader) Close() error {
	r.broken = os.ErrClosed
	r.disconnect()
	return nil
}

func (s *Store) Stat(ctx context.Context, key string) (storage.Object, error) {
	obj, _, err := s.stat(ctx, key)
	return obj, err
}

// stat also returns the token of the upload that created the object, "" if it was not a multipart upload.
func (s *Store) stat(ctx context.Context, key string) (obj storage.Object, token string, err error) {
	err = s.call(ctx, func(ctx context.Context) error {
		out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
		if err != nil {
			return err
		}
		obj = storage.Object{
			Key: key, Size: aws.ToInt64(out.ContentLength), ContentType: aws.ToString(out.ContentType),
			ModTime: aws.ToTime(out.LastModified), ETag: aws.ToString(out.ETag),
		}
		token = out.Metadata[tokenName]
		return nil
	})
	return obj, token, err
}

func (s *Store) Delete(ctx context.Context, key string) error {
	err := s.call(ctx, func(ctx context.Context) error {
		_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &key})
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// List skips objects whose keys are not valid here, such as the markers that consoles create for folders.
func (s *Store) List(ctx context.Context, prefix string, each func(storage.Object) error) error {
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		var page *s3.ListObjectsV2Output
		err := s.call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			key := aws.ToString(o.Key)
			if storage.CheckKey(key) != nil {
				continue
			}
			obj := storage.Object{
				Key: key, Size: aws.ToInt64(o.Size), ContentType: storage.ContentType(key),
				ModTime: aws.ToTime(o.LastModified), ETag: aws.ToString(o.ETag),
			}
			if err := each(obj); err != nil {
				return err
			}
		}
	}
	return nil
}
