// Package s3store keeps objects in a bucket of Amazon S3, or of another server that speaks its protocol, and lets browsers and ffmpeg
// read from it, and clients write to it, by presigned URLs.
//
// Credentials are those of the SDK's default chain (environment, profile, role), proxies and AWS_CA_BUNDLE are honoured as in every AWS
// tool. A presigned URL dies with the credentials that signed it, even when it was promised a longer life: those of a role are renewed
// a quarter of an hour before their end, if the role has newer ones by then.
//
// A process that is killed leaves the parts of its uploads in flight, which nobody sees but which cost money: the bucket needs a
// lifecycle rule that aborts incomplete uploads.
package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"risingstars/platform/storage"
)

const (
	defaultIdleTimeout = 30 * time.Second
	defaultCallTimeout = time.Minute
	// Longer than one run of ffmpeg may take. Within it every call asks for newer credentials, so it should not be much longer.
	credentialsWindow = 15 * time.Minute
)

// Options needs Bucket.
type Options struct {
	Bucket string
	// Region is that of the default chain (AWS_REGION, profile) when empty.
	Region string
	// EndpointURL is the server when it is not AWS's own. The bucket is then in the path, not in the host's name. What the SDK finds in its
	// environment or profile comes first, as AWS_ENDPOINT_URL_S3 does for every AWS tool.
	EndpointURL string
	// PublicURL is where everyone reads the objects under PublicPrefixes ("processed/"): a CDN that may read the bucket. Empty: by
	// presigned URLs, like the others.
	PublicURL      string
	PublicPrefixes []string
	// IdleTimeout ends a connection on which no byte moves; 0 = 30 s. A failed request is tried up to three times.
	IdleTimeout time.Duration
	// CallTimeout ends every call that moves no content, its retries included; 0 = 1 min.
	CallTimeout time.Duration
}

// Store is the S3 driver. It needs no closing.
type Store struct {
	client      *s3.Client
	presigner   *s3.PresignClient
	bucket      string
	public      func(key string) (url string, ok bool)
	callTimeout time.Duration
	buffers     sync.Pool     // *[]byte of partBytes
	shared      chan struct{} // one for each shared buffer that is lent
}

var (
	_ storage.Driver       = (*Store)(nil)
	_ storage.DirectDriver = (*Store)(nil)
)

// Open fails unless the bucket is there and may be used.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	s := &Store{
		bucket: opts.Bucket, public: opts.public,
		callTimeout: positive(opts.CallTimeout, defaultCallTimeout), shared: make(chan struct{}, sharedBuffers),
	}
	s.buffers.New = func() any { b := make([]byte, partBytes); return &b }
	cfg, err := load(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("load the AWS settings: %w", translate(ctx, err))
	}
	s.client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		if o.BaseEndpoint == nil && opts.EndpointURL != "" {
			o.BaseEndpoint = aws.String(opts.EndpointURL)
		}
		o.UsePathStyle = o.BaseEndpoint != nil
		// Said for every object that was put in parts, as their checksum is one of the parts'.
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	// Else each URL asks for a checksum in the answer, which no browser looks at.
	s.presigner = s3.NewPresignClient(s.client, s3.WithPresignClientFromClientOptions(func(o *s3.Options) {
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	}))
	err = s.call(ctx, func(ctx context.Context) error {
		_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
		return err
	})
	if err != nil {
		return nil, bucketError(opts.Bucket, err)
	}
	return s, nil
}

func (o Options) check() error {
	if o.Bucket == "" {
		return errors.New("no bucket is named")
	}
	if o.EndpointURL == "" {
		return nil
	}
	// The URL is not repeated: it may be there by mistake, with a password in it.
	u, err := url.Parse(o.EndpointURL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("the S3 endpoint is no http or https URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the S3 endpoint has more than scheme, host and path")
	}
	return nil
}

// public is the address of an object that everyone may read.
func (o Options) public(key string) (url string, ok bool) {
	ok = o.PublicURL != "" && slices.ContainsFunc(o.PublicPrefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	return strings.TrimSuffix(o.PublicURL, "/") + "/" + key, ok
}

func load(ctx context.Context, opts Options) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(
		ctx,
		config.WithRegion(opts.Region),
		// A client of this type, so that AWS_CA_BUNDLE reaches it.
		config.WithHTTPClient(awshttp.NewBuildableClient()),
		// The SDK renews a role's credentials minutes before their end, and a link dies with those that signed it.
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = credentialsWindow }),
		// The SDK would write to standard error.
		config.WithLogger(logging.Nop{}),
	)
	if err != nil {
		return cfg, err
	}
	if cfg.Region == "" {
		return cfg, errors.New("no region is named")
	}
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return cfg, fmt.Errorf("unexpected HTTP client %T", cfg.HTTPClient)
	}
	idle := positive(opts.IdleTimeout, defaultIdleTimeout)
	// Frozen, or the S3 client would put a dialer of its own in place of this one.
	cfg.HTTPClient = client.WithTransportOptions(func(t *http.Transport) { t.DialContext = dialer(idle) }).Freeze()
	return cfg, nil
}

func positive(given, otherwise time.Duration) time.Duration {
	if given > 0 {
		return given
	}
	return otherwise
}

// call runs f, which is one call of S3 with its retries, within the deadline for calls, and makes its error one of ours.
func (s *Store) call(ctx context.Context, f func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, s.callTimeout, noAnswer(s.callTimeout))
	defer cancel()
	err := f(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return context.Cause(limited)
	}
	return translate(ctx, err)
}
