// Package s3store keeps objects in a bucket of Amazon S3, or of another server with the same protocol. Browsers read
// objects, and clients upload them, by presigned URLs.
//
// Credentials come from the SDK's default chain (environment, profile, role); proxies and AWS_CA_BUNDLE work as in
// every AWS tool. A presigned URL expires with the credentials that signed it, even if its own lifetime is longer. For
// this reason, a role's credentials are renewed a quarter of an hour before they expire, if the role has newer ones by
// then.
//
// An upload that passes through this program is read in parts of 5 MiB. While they arrive and are sent, they are kept
// in a little memory and in temporary files, so that slow uploads hold none that others need.
//
// A killed process leaves the parts of its unfinished uploads behind. They are invisible but cost money, so the bucket
// needs a lifecycle rule that aborts incomplete uploads.
package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"

	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

const (
	defaultIdleTimeout = 30 * time.Second
	defaultCallTimeout = time.Minute
	// A presigned URL works for at least the window, if its own lifetime allows. The window should not be much longer,
	// because within it every call asks for newer credentials.
	credentialsWindow = 15 * time.Minute
)

// Options needs Bucket.
type Options struct {
	Bucket string
	// Region defaults to that of the default chain (AWS_REGION, profile).
	Region string
	// EndpointURL is a server other than AWS's own. The bucket is then in the path, not in the host name. An endpoint
	// that the SDK finds in its environment or profile takes precedence, as AWS_ENDPOINT_URL_S3 does in every AWS tool.
	EndpointURL string
	// PublicURL is where anyone can read the objects under PublicPrefixes ("processed/"): a CDN that has access to the
	// bucket. If it is empty, those objects are at SitePath ("/media/") on the site, which redirects to SignedURL, so
	// that their addresses last; without both, they have presigned URLs like all others. Caches may keep them for an
	// hour, and the others not at all.
	PublicURL      string
	SitePath       string
	PublicPrefixes []string
	// IdleTimeout closes a connection on which no byte moves; 0 = 30 s. The SDK tries a failed request up to three
	// times.
	IdleTimeout time.Duration
	// CallTimeout limits every call that transfers no content, including its retries; 0 = 1 min.
	CallTimeout time.Duration
	// Scratch holds the content that has arrived and exceeds the memory for it; nil: the system's temporary folder.
	Scratch *scratch.Area
}

// Store is the S3 driver. It need not be closed.
type Store struct {
	client      *s3.Client
	presigner   *s3.PresignClient
	bucket      string
	public      func(key string) (url string, ok bool)
	isPublic    func(key string) bool
	callTimeout time.Duration
	buffers     *buffers
}

var (
	_ storage.Driver       = (*Store)(nil)
	_ storage.DirectDriver = (*Store)(nil)
	_ storage.Signer       = (*Store)(nil)
)

// Open fails unless the bucket exists and can be used.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	s := &Store{
		bucket: opts.Bucket, public: opts.publicURL, isPublic: opts.isPublic,
		callTimeout: orDefault(opts.CallTimeout, defaultCallTimeout), buffers: newBuffers(opts.Scratch),
	}
	cfg, err := load(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("load AWS settings: %w", translate(ctx, err))
	}
	s.client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		if o.BaseEndpoint == nil && opts.EndpointURL != "" {
			o.BaseEndpoint = aws.String(opts.EndpointURL)
		}
		o.UsePathStyle = o.BaseEndpoint != nil
		// The SDK would log this for every object that was put in parts, because its checksum covers only the parts'
		// checksums.
		o.DisableLogOutputChecksumValidationSkipped = true
	})
	// Without this, each URL would ask for a checksum in the answer, which no browser checks.
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
		return errors.New("no bucket is configured")
	}
	if o.EndpointURL == "" {
		return nil
	}
	// The errors do not repeat the URL, because it may be a mistake with a password in it.
	u, err := url.Parse(o.EndpointURL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("the S3 endpoint is not an http or https URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the S3 endpoint must have only a scheme, a host and a path")
	}
	return nil
}

// publicURL returns the lasting address of an object; ok reports whether the object has one.
func (o Options) publicURL(key string) (url string, ok bool) {
	switch {
	case !o.isPublic(key):
		return "", false
	case o.PublicURL != "":
		return strings.TrimSuffix(o.PublicURL, "/") + "/" + key, true
	}
	return o.SitePath + key, o.SitePath != ""
}

func (o Options) isPublic(key string) bool {
	return slices.ContainsFunc(o.PublicPrefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

func load(ctx context.Context, opts Options) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(
		ctx,
		config.WithRegion(opts.Region),
		// AWS_CA_BUNDLE has an effect only on a client of this type.
		config.WithHTTPClient(awshttp.NewBuildableClient()),
		// By default, the SDK renews a role's credentials only minutes before they expire, and a URL expires with them.
		config.WithCredentialsCacheOptions(func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = credentialsWindow }),
		// Otherwise the SDK writes to standard error.
		config.WithLogger(logging.Nop{}),
	)
	if err != nil {
		return cfg, err
	}
	if cfg.Region == "" {
		return cfg, errors.New("no region is configured")
	}
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return cfg, fmt.Errorf("unexpected HTTP client %T", cfg.HTTPClient)
	}
	idle := orDefault(opts.IdleTimeout, defaultIdleTimeout)
	// Without Freeze, the S3 client would replace this dialer with its own.
	cfg.HTTPClient = client.WithTransportOptions(func(t *http.Transport) { t.DialContext = dialer(idle) }).Freeze()
	return cfg, nil
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}

// call runs f, which is one call to S3 with its retries, within the call timeout and translates its error.
func (s *Store) call(ctx context.Context, f func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, s.callTimeout, timeoutError(s.callTimeout))
	defer cancel()
	err := f(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return context.Cause(limited)
	}
	return translate(ctx, err)
}
