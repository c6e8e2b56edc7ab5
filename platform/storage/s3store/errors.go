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

// callError has the SDK's text (operation, status, request id, S3's message) without the URLs that net/http adds to it.
type callError struct {
	text  string
	cause error
}

func (e *callError) Error() string { return e.text }
func (e *callError) Unwrap() error { return e.cause }

var urls = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"]*`)

func timeoutError(limit time.Duration) error { return fmt.Errorf("S3 did not answer within %s", limit) }

// translate turns an error of the SDK into one of package storage or a callError. If ctx has ended, it returns ctx's
// error.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch errorCode(err) {
	case "NoSuchKey", "NotFound":
		return storage.ErrNotFound
	case "NoSuchUpload":
		return storage.ErrNoUpload
	case "InvalidPart", "InvalidPartOrder", "EntityTooSmall":
		return storage.ErrBadParts
	}
	return &callError{text: urls.ReplaceAllString(err.Error(), "(URL)"), cause: err}
}

// bucketError explains to an operator why the bucket cannot be used.
func bucketError(bucket string, err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("there is no S3 bucket %q", bucket)
	}
	switch statusCode(err) {
	case http.StatusForbidden:
		return fmt.Errorf(
			"S3 denies access to bucket %q: wrong credentials, or a role or policy that lacks s3:ListBucket: %w",
			bucket, err,
		)
	case http.StatusMovedPermanently, http.StatusBadRequest:
		return fmt.Errorf("S3 bucket %q is in another region than the configured one: %w", bucket, err)
	case 0:
		return fmt.Errorf("S3 cannot be reached for bucket %q: %w", bucket, err)
	}
	return fmt.Errorf("S3 bucket %q: %w", bucket, err)
}

// errorCode returns S3's name of the error, "" if S3 did not answer.
func errorCode(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

// statusCode returns the HTTP status of S3's answer, 0 if there was none.
func statusCode(err error) int {
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return e.HTTPStatusCode()
	}
	return 0
}
