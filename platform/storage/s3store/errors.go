package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"risingstars/platform/storage"
)

// callError has the SDK's text (operation, status, request id, what S3 says) without the URLs that net/http puts into it.
type callError struct {
	text  string
	cause error
}

func (e *callError) Error() string { return e.text }
func (e *callError) Unwrap() error { return e.cause }

var urls = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"]*`)

func noAnswer(limit time.Duration) error { return fmt.Errorf("S3 did not answer within %s", limit) }

// translate makes an error of the SDK one of ours. When ctx has ended, that is the error.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch code(err) {
	case "NoSuchKey", "NotFound":
		return storage.ErrNotFound
	case "NoSuchUpload":
		return storage.ErrNoUpload
	case "InvalidPart", "InvalidPartOrder", "EntityTooSmall":
		return storage.ErrBadParts
	}
	return &callError{text: urls.ReplaceAllString(err.Error(), "(URL)"), cause: err}
}

// bucketError tells an operator why the bucket cannot be used.
func bucketError(bucket string, err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("there is no S3 bucket %q", bucket)
	}
	switch status(err) {
	case http.StatusForbidden:
		return fmt.Errorf("S3 denies access to bucket %q: wrong credentials, or a role or policy that lacks s3:ListBucket: %w", bucket, err)
	case http.StatusMovedPermanently, http.StatusBadRequest:
		return fmt.Errorf("S3 bucket %q is in another region than the one given: %w", bucket, err)
	case 0:
		return fmt.Errorf("S3 cannot be reached for bucket %q: %w", bucket, err)
	}
	return fmt.Errorf("S3 bucket %q: %w", bucket, err)
}

// code is S3's name of the error; empty when S3 did not answer.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// status is that of S3's answer, 0 when there was none.
func status(err error) int {
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return e.HTTPStatusCode()
	}
	return 0
}
