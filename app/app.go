package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"risingstars/app/site"
	"risingstars/assets"
	"risingstars/config"
	"risingstars/modules/archive"
	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/moderation"
	"risingstars/modules/voting"
	"risingstars/modules/webhooks"
	"risingstars/platform/auth"
	"risingstars/platform/box"
	"risingstars/platform/certificate"
	"risingstars/platform/database"
	"risingstars/platform/disk"
	"risingstars/platform/idempotency"
	"risingstars/platform/lifecycle"
	"risingstars/platform/limit"
	"risingstars/platform/mail"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/roster"
	"risingstars/platform/scratch"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
	"risingstars/platform/telemetry"
)

// app holds the parts of one process. newApp opens them all; doctor opens the backends one by one.
type app struct {
	c        *config.Config
	log      *slog.Logger
	registry *telemetry.Registry
	disks    *disk.Disks
	ballast  *disk.Ballast // nil if the database is elsewhere
	db       *database.DB
	secret   []byte
	keys     *auth.Keys
	files    *diskstore.Store // nil if storage has its own address, as S3 does
	bucket   *storage.Bucket
	driver   queue.Driver
	queue    *queue.Queue
	limits   *limit.Limits
	traces   *telemetry.Traces // nil: there are none

	certificates *certificate.Manager // nil: the site has none of its own

	checks    []telemetry.Check // of what requests need
	tolerated []telemetry.Check // of what they can do without for a while
	ffmpeg    string            // its version; "" if no worker runs here
	workDir   *scratch.Area     // nil if neither a worker runs here nor storage is S3
	brand     brand
	closers   []func() error
	access    database.Access

	post       *mail.Post
	identity   *identity.Module
	voting     *voting.Module
	moderation *moderation.Module
	webhooks   *webhooks.Module
	media      *media.Module
	archive    *archive.Module
	site       *site.Site
}

// appOptions say what a process does. The zero value serves.
type appOptions struct {
	worker bool // it needs ffmpeg
	access database.Access
}

// newApp opens the platform and builds the modules. After an error nothing stays open; otherwise run or close closes
// the app.
func newApp(ctx context.Context, c *config.Config, log *slog.Logger, o appOptions) (_ *app, err error) {
	a := &app{c: c, log: log, registry: telemetry.NewRegistry(), access: o.access}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err := a.openDisks(o.worker); err != nil {
		return nil, err
	}
	if err := a.openBrand(ctx, o.worker); err != nil {
		return nil, err
	}
	if err := a.openDatabase(ctx); err != nil {
		return nil, err
	}
	if err := a.openSecret(); err != nil {
		return nil, err
	}
	if err := a.openStorage(ctx); err != nil {
		return nil, err
	}
	if err := a.openQueue(ctx); err != nil {
		return nil, err
	}
	if err := a.openLimits(); err != nil {
		return nil, err
	}
	if err := a.watchFolders(); err != nil {
		return nil, err
	}
	a.registry.MustRegister(backupAge{c})
	return a, a.buildModules(ctx, o.worker)
}

// openDatabase opens the database. In the embedded stage it also creates and migrates it, if it may.
func (a *app) openDatabase(ctx context.Context) (err error) {
	a.db, err = database.Open(ctx, database.Options{
		URL: a.c.Data.DatabaseURL, Path: a.c.DatabasePath(), MaxOpenConns: a.c.Data.MaxConns, Access: a.access,
		StatementTimeout: time.Duration(a.c.Data.StatementSeconds) * time.Second, Logger: a.log,
		Registerer: a.registry,
	})
	if err != nil {
		return withVariable(databaseVariable(a.c), err)
	}
	a.closers = append(a.closers, a.db.Close)
	a.checks = append(a.checks, telemetry.Check{
		Name: "database", Failure: "the database does not answer", Run: a.db.Ping,
	})
	if a.c.Embedded() && a.access == database.Create {
		return a.db.Migrate(ctx, migrations()...)
	}
	status, err := a.db.MigrationStatus(ctx, migrations()...)
	if err != nil {
		return err
	}
	for _, m := range status {
		if !m.Applied {
			return fmt.Errorf("the database is out of date: %s of %s is not applied; run: app migrate up",
				m.File, m.Owner)
		}
	}
	return nil
}

// databaseVariable returns the variable that says where the database is.
func databaseVariable(c *config.Config) string {
	if c.Embedded() {
		return "DATA_DIR"
	}
	return "DATABASE_URL"
}

// withVariable adds to err the name of the variable that an operator would change to fix it.
func withVariable(variable string, err error) error {
	if err == nil {
		return nil
	}
	if file, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w (%s)", variable, err, disk.Whose(file.Path))
	}
	return fmt.Errorf("%s: %w", variable, err)
}

// migrations returns the migrations of every table of the service, in the order in which they are applied.
func migrations() []database.Migrations {
	return []database.Migrations{
		dbqueue.Migrations(), limit.Migrations(), roster.Migrations(), idempotency.Migrations(), mail.Migrations(),
		identity.Migrations(), voting.Migrations(), media.Migrations(), moderation.Migrations(),
		archive.Migrations(),
		webhooks.Migrations(),
	}
}

func (a *app) buildModules(ctx context.Context, worker bool) error {
	urlExpiry := time.Duration(a.c.Storage.URLExpireSeconds) * time.Second
	passwords, err := auth.NewPasswords()
	if err != nil {
		return err
	}
	if err := a.openPost(); err != nil {
		return err
	}
	a.identity = identity.New(identity.Deps{
		DB: a.db, Passwords: passwords, Tokens: a.tokens(), Devices: auth.NewDevices(a.keys),
		Refreshes: auth.NewSeals(a.keys, "refresh tokens"), Secrets: auth.NewVault(a.keys, "second factors"),
		Limits: a.limits, Logger: a.log, Letters: a.post, Links: a.letterSeals(), Audience: audience{a},
		Entries: entries{a}, Belongings: property{a}, Moment: a.moment,
		Options: identity.Options{
			SessionTTL: time.Duration(a.c.Auth.SessionDays) * 24 * time.Hour, AdminFactor: a.c.Auth.AdminTOTP,
		},
	})
	a.openWebhooks()
	votes := voting.Deps{
		DB: a.db, Limits: a.limits, Files: a.bucket, Cursors: auth.NewSeals(a.keys, "cursors"),
		Options: voting.Options{
			SelfVotes: a.c.Voting.SelfVotes, URLExpiry: urlExpiry, Searches: max(1, a.db.MaxOpenConns()/2),
			VoteFaults: identity.ActFaults(), ExportFaults: identity.RoleFaults(),
		},
		MayVote: a.identity.MayAct, Registerer: a.registry, Herald: entryHerald{a.webhooks, a.c.HTTP.PublicURL},
		MayExport: func(ctx context.Context, userID string) error {
			return a.identity.Allow(ctx, userID, identity.ExportResults)
		},
	}
	if a.c.Voting.RequireVerified {
		votes.Voters = a.identity
	}
	a.voting = voting.New(votes)
	a.moderation = moderation.New(moderation.Deps{
		DB: a.db, Gallery: moderated{a.voting}, Acts: acts{a.identity}, Options: moderationOptions(),
	})
	deps := media.Deps{
		DB: a.db, Bucket: a.bucket, Queue: a.queue, Gallery: gallery{a.voting}, People: people{a.identity},
		Moderation: standing{a.moderation, a.identity, a.voting}, Limits: a.limits, Logger: a.log,
		Options: media.Options{
			MaxUploadBytes: a.c.Upload.MaxBytes,
			UploadPrefix:   a.c.Storage.UploadPrefix, ProcessedPrefix: a.c.Storage.ProcessedPrefix,
			FilesPath: diskstore.Path, ReadFaults: diskstore.ReadFaults(), PartFaults: diskstore.PartFaults(),
			UploadFaults: identity.ActFaults(),
			URLExpiry:    urlExpiry, DeleteOriginal: a.c.Storage.DeleteOriginal,
			MockUploads: a.c.LoadTestEndpoints,
			Rules:       rules(a.c), ResendAfter: resendAfter(a.c),
			Quotas: media.Quotas{
				Unpublished: a.c.Upload.Unpublished, PerDay: a.c.Upload.PerDay, Bytes: a.c.Upload.Bytes,
			},
			KeepFailed: time.Duration(a.c.Media.KeepFailedDays) * 24 * time.Hour, Branding: a.brand.hash,
			Jobs: a.concurrency(),
		},
		Disks: a.disks, Scratch: a.workDir, Registerer: a.registry,
		Herald: videoHerald{a.webhooks, a.voting, a.c.HTTP.PublicURL},
	}
	if a.files != nil {
		deps.Files = a.files.Serve
	}
	if a.c.Upload.RequireVerified {
		deps.Uploaders = a.identity
	}
	if worker {
		deps.Processor = a.brand.processor
		a.logWalls(deps.Processor.Walls())
		var err error
		if a.ffmpeg, err = deps.Processor.Check(ctx); err != nil {
			return err
		}
	}
	a.media = media.New(deps)
	a.archive = archive.New(archive.Deps{
		DB: a.db, Bucket: a.bucket, Queue: a.queue, Belongings: keptOf{a}, Letters: a.post, Logger: a.log,
		Options: archive.Options{ResendAfter: resendAfter(a.c), URLExpiry: urlExpiry},
	})
	if err := a.buildSite(ctx); err != nil {
		return err
	}
	if worker {
		if err := a.compareBrand(ctx); err != nil {
			return err
		}
	}
	return withVariable("S3_UPLOAD_PREFIX", a.media.CheckPrefixes(ctx))
}

// buildSite reads the templates and texts of the pages.
func (a *app) buildSite(ctx context.Context) (err error) {
	zone, err := time.LoadLocation(a.c.Site.Zone)
	if err != nil { // config has checked it
		return err
	}
	a.site, err = site.New(site.Deps{
		Identity: a.identity, Media: a.media, Voting: a.voting, Moderation: a.moderation, Archive: a.archive,
		Webhooks: a.webhooks,
		Queue:    a.queue,
		Files:    a.bucket, Limits: a.limits,
		Assets: assets.Site(), Texts: assets.Text(),
		Options: site.Options{
			Version:   version,
			SelfVotes: a.c.Voting.SelfVotes, FilesPath: diskstore.Path, Origins: a.origins(ctx), Live: assets.Live,
			URLExpiry: time.Duration(a.c.Storage.URLExpireSeconds) * time.Second, Zone: zone, Region: a.c.Site.Region,
			Contact: a.c.Site.Contact, Pages: a.brand.Pages,
		},
	})
	return err
}

// origins returns where storage has addresses of its own: what is published and what is signed may have different ones.
func (a *app) origins(ctx context.Context) (origins []string) {
	if a.bucket == nil {
		return nil
	}
	key := a.c.Storage.ProcessedPrefix + "/x.mp4"
	for _, find := range []func(context.Context, string, time.Duration) (string, error){
		a.bucket.URL, a.bucket.SignedURL,
	} {
		address, err := find(ctx, key, time.Minute)
		if err != nil { // the files are on this site
			continue
		}
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			continue
		}
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}

// logWalls says which walls of the box around ffmpeg are missing.
func (a *app) logWalls(walls []box.Wall) {
	var standing, missing []string
	for _, w := range walls {
		if w.Missing == "" {
			standing = append(standing, w.Name)
		} else {
			missing = append(missing, w.Name+" ("+w.Missing+")")
		}
	}
	if len(missing) > 0 {
		a.log.Warn("walls around ffmpeg are missing", "missing", missing, "standing", standing)
		return
	}
	a.log.Info("all walls stand around ffmpeg", "standing", standing)
}

func (a *app) tokens() *auth.Tokens {
	return auth.NewTokens(a.keys, time.Duration(a.c.Auth.TokenMinutes)*time.Minute)
}

// rules returns the contest's rules for clips, as the configuration sets them.
func rules(c *config.Config) media.Rules {
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	return media.Rules{
		MaxClip: seconds(c.Media.MaxClipSeconds), RemoveAudio: c.Media.Audio == "remove",
		NoSmall:     !c.Media.Small,
		MinDuration: seconds(c.Media.MinSeconds), MaxDuration: seconds(c.Media.MaxSeconds),
		MinHeight: c.Media.MinHeight,
	}
}

// run runs the services until ctx ends or one of them fails, and then closes the app.
func (a *app) run(ctx context.Context, services []lifecycle.Service) error {
	group := lifecycle.Group{Services: services, StopTimeout: a.c.Drain() + a.c.Grace() + 10*time.Second, Logger: a.log}
	return errors.Join(group.Run(ctx), a.close())
}

// close closes what newApp opened, in reverse order. It is idempotent.
func (a *app) close() error {
	var errs []error
	for _, closer := range slices.Backward(a.closers) {
		errs = append(errs, closer())
	}
	a.closers = nil
	return errors.Join(errs...)
}
