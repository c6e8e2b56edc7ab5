package app

import (
	"context"
	"crypto/rand"
	"time"

	"risingstars/config"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/queue"
	"risingstars/platform/queue/asynqueue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/queue/sqsqueue"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
	"risingstars/platform/storage/s3store"
)

// openSecret loads the key that signs tokens and links. The embedded stage creates its own if none is configured; a
// process that only looks has one that nobody keeps.
func (a *app) openSecret() (err error) {
	a.secret = []byte(a.c.Auth.SecretKey)
	switch {
	case len(a.secret) > 0:
	case a.access == database.Look && !exists(a.c.SecretPath()):
		a.secret = make([]byte, 32)
		rand.Read(a.secret) // documented to never fail
	default:
		a.secret, err = auth.LoadOrCreateSecret(a.c.SecretPath())
	}
	a.keys = auth.NewKeys(a.secret, []byte(a.c.Auth.PreviousKey))
	return withVariable("DATA_DIR", err)
}

func (a *app) openStorage(ctx context.Context) error {
	driver, err := a.storageDriver(ctx)
	if err != nil {
		return err
	}
	a.bucket = storage.New(driver, storage.Options{Registerer: a.registry})
	return nil
}

func (a *app) storageDriver(ctx context.Context) (storage.Driver, error) {
	public := []string{a.c.Storage.ProcessedPrefix + "/"}
	if a.c.Storage.Backend == "s3" {
		store, err := s3store.Open(ctx, s3store.Options{
			Bucket: a.c.AWS.Bucket, Region: a.c.AWS.Region, EndpointURL: a.c.AWS.EndpointURL,
			PublicURL: a.c.Storage.PublicURL, SitePath: diskstore.Path, PublicPrefixes: public, Scratch: a.workDir,
		})
		return store, withVariable("AWS_S3_BUCKET", err)
	}
	keys, accepted := a.keys.For("links"), a.keys.Undivided()
	for _, key := range keys[1:] {
		accepted = append(accepted, key.Bytes)
	}
	o := diskstore.Options{
		Root: a.c.FilesPath(), Secret: keys[0].Bytes, Accepted: accepted, PublicPrefixes: public,
		Look: a.access == database.Look,
	}
	var err error
	if !o.Look { // it creates the folder
		o.Volume, err = a.disks.Add("files", o.Root)
	}
	var files *diskstore.Store
	if err == nil {
		files, err = diskstore.Open(o)
	}
	if err != nil {
		return nil, withVariable(folderVariable("FILES_DIR", a.c.Data.FilesDir), err)
	}
	a.files = files
	a.closers = append(a.closers, files.Close)
	return files, nil
}

func (a *app) openQueue(ctx context.Context) (err error) {
	switch a.c.Queue.Backend {
	case "redis":
		// Redis is not part of readiness: without it everything but processing works, and processing catches up later.
		driver, err := asynqueue.Open(ctx, asynqueue.Options{URL: a.c.Queue.RedisURL})
		if err != nil {
			return withVariable("REDIS_URL", err)
		}
		a.driver = driver
		a.closers = append(a.closers, driver.Close)
	case "sqs":
		a.driver, err = sqsqueue.Open(ctx, sqsqueue.Options{
			QueueURL: a.c.Queue.SQSQueueURL, DeadURL: a.c.Queue.SQSDeadURL,
			Region: a.c.AWS.Region, EndpointURL: a.c.AWS.EndpointURL,
			Wait: time.Duration(a.c.Queue.SQSWaitSeconds) * time.Second, Logger: a.log,
		})
		if err != nil {
			return withVariable("SQS_QUEUE_URL", err)
		}
	default:
		a.driver = dbqueue.New(a.db, dbqueue.Options{})
	}
	a.queue = queue.New(a.driver, queue.Options{Logger: a.log, Registerer: a.registry})
	return nil
}

// visibility returns how long a task stays invisible to other workers after its worker has vanished; 0: the queue's
// default.
func visibility(c *config.Config) time.Duration {
	if c.Queue.Backend == "sqs" {
		return time.Duration(c.Queue.SQSVisibilitySeconds) * time.Second
	}
	return 0
}

// resendAfter returns how long to wait before a video's task is sent again; 0: media's default. SQS needs a long wait,
// because it does not recognise a task that it already has.
func resendAfter(c *config.Config) time.Duration {
	if c.Queue.Backend == "sqs" {
		return 30 * time.Minute
	}
	return 0
}
