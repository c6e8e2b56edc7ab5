package site_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/app/site"
	"risingstars/assets"
	"risingstars/infra/contracttest"
	"risingstars/modules/archive"
	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/moderation"
	"risingstars/modules/voting"
	"risingstars/modules/webhooks"
	"risingstars/platform/auth"
	"risingstars/platform/branding"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/mail"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
	"risingstars/platform/telemetry"
	"risingstars/platform/web"
)

const password = "una frase corta"

// house is a running site with everything behind it but workers.
type house struct {
	url      string
	db       *database.DB
	bucket   *storage.Bucket
	identity *identity.Module
	desk     *moderation.Module
	media    *media.Module
	voting   *voting.Module
	archive  *archive.Module
	site     *site.Site
	routes   func() []string // of the server, in echo's notation
	post     *postbox
	queue    *queue.Queue

	uploaders uploaders
}

// postbox keeps the letters that nobody sends; they are there once they are forwarded.
type postbox struct {
	mu      sync.Mutex
	kept    map[string]mail.Letter // by id
	letters []mail.Letter
	seals   *auth.Seals
}

func (p *postbox) Send(_ context.Context, l mail.Letter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[l.ID] = l
	return nil
}

func (p *postbox) Forward(_ context.Context, ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		p.letters = append(p.letters, p.kept[id])
	}
}

// link waits for the latest letter to an address by a template, and returns the address to which its link leads.
func (p *postbox) link(t testing.TB, template, to string) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		letters := slices.Clone(p.letters)
		p.mu.Unlock()
		for _, l := range slices.Backward(letters) {
			if l.Template == template && l.To == to {
				return l.Page + "?token=" + p.seals.Seal(l.Secret)
			}
		}
	}
	t.Fatalf("no letter %s to %s", template, to)
	return ""
}

// Changed implements identity's port Audience.
func (h *house) Changed(ctx context.Context, userID string, p identity.Profile) error {
	return h.voting.ChangeContestant(ctx, voting.Contestant{
		UserID: userID, PlayerName: p.PlayerName, City: p.City, Country: p.Country,
	})
}

type gallery struct{ *voting.Module }

func (g gallery) Publish(context.Context, media.Entry) error { return nil } // no worker publishes

type people struct{ module *identity.Module }

func (p people) Profile(ctx context.Context, userID string) (media.Profile, error) {
	profile, err := p.module.ProfileOf(ctx, userID)
	return media.Profile(profile), err
}

func (p people) Present(ctx context.Context, userID string) error {
	return p.module.Present(ctx, userID)
}

// owners are those of the house's tables.
var owners = []database.Migrations{
	dbqueue.Migrations(), identity.Migrations(), media.Migrations(), voting.Migrations(), moderation.Migrations(),
	archive.Migrations(),
	webhooks.Migrations(),
}

func startHouse(t testing.TB) *house {
	t.Helper()
	return startHouseOn(t, databasetest.Open(t, owners...), 1<<20)
}

// startHouseFor accepts files of so many bytes.
func startHouseFor(t testing.TB, most int64) *house {
	t.Helper()
	return startHouseOn(t, databasetest.Open(t, owners...), most)
}

func startHouseOn(t testing.TB, db *database.DB, most int64) *house {
	t.Helper()
	return startHouseBy(t, db, most, rules{})
}

// rules are what a house asks of people beside the usual.
type rules struct {
	proof       bool // a proved e-mail of voters
	adminFactor bool // a second factor of admins
}

func startHouseBy(t testing.TB, db *database.DB, most int64, asked rules) *house {
	t.Helper()
	h := &house{db: db}
	log, keys := slog.New(slog.DiscardHandler), auth.NewKeys(make([]byte, 32), nil)
	h.post = &postbox{kept: map[string]mail.Letter{}, seals: auth.NewSeals(keys, "letters")}
	files, err := diskstore.Open(diskstore.Options{
		Root: t.TempDir(), Secret: make([]byte, 32), PublicPrefixes: []string{"processed/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	passwords, err := auth.NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	limits := limit.New(limit.Options{Logger: log})
	bogota, err := time.LoadLocation("America/Bogota")
	if err != nil {
		t.Fatal(err)
	}
	h.bucket = storage.New(files, storage.Options{})
	h.identity = identity.New(identity.Deps{
		DB: h.db, Passwords: passwords, Tokens: auth.NewTokens(keys, time.Hour), Devices: auth.NewDevices(keys),
		Refreshes: auth.NewSeals(keys, "refresh tokens"), Secrets: auth.NewVault(keys, "second factors"),
		Entries: entries{h}, Belongings: property{h}, Moment: func(t time.Time) fault.Text { return h.site.Moment(t) },
		Limits: limits, Logger: log, Letters: h.post, Links: h.post.seals, Audience: h,
		Options: identity.Options{AdminFactor: asked.adminFactor},
	})
	var voters voting.Voters
	if asked.proof {
		voters = h.identity
	}
	h.voting = voting.New(voting.Deps{
		DB: h.db, Limits: limits, Files: h.bucket, Cursors: auth.NewSeals(keys, "cursors"),
		Voters:  voters,
		Options: voting.Options{URLExpiry: time.Hour}, MayVote: h.identity.MayAct,
		MayExport: func(ctx context.Context, userID string) error {
			return h.identity.Allow(ctx, userID, identity.ExportResults)
		},
	})
	h.desk = moderation.New(moderation.Deps{
		DB: h.db, Gallery: moderated{h.voting}, Acts: acts{h.identity},
		Options: moderation.Options{
			VideoFault: voting.EntryFault(), HiddenFault: voting.HiddenFault(), RoleFaults: identity.RoleFaults(),
		},
	})
	h.queue = queue.New(dbqueue.New(h.db, dbqueue.Options{}), queue.Options{Logger: log})
	hooks := webhooks.New(webhooks.Deps{
		DB: h.db, Queue: h.queue, Acts: webhookActs{h.identity}, Vault: auth.NewVault(keys, "webhooks"), Logger: log,
		Options: webhooks.Options{RoleFaults: identity.RoleFaults()},
	})
	h.media = media.New(media.Deps{
		DB: h.db, Bucket: h.bucket, Queue: h.queue, Moderation: standing{h.desk, h.identity, h.voting},
		Gallery: gallery{h.voting}, People: people{h.identity}, Limits: limits, Logger: log, Files: files.Serve,
		Uploaders: &h.uploaders,
		Options: media.Options{
			MaxUploadBytes: most, FilesPath: diskstore.Path, Rules: media.Rules{MaxClip: 30e9},
			Quotas: media.Quotas{Bytes: 1 << 40},
		},
	})
	h.archive = archive.New(archive.Deps{
		DB: h.db, Bucket: h.bucket, Queue: h.queue, Belongings: kept{h}, Letters: h.post, Logger: log,
	})
	pages, err := site.New(site.Deps{
		Identity: h.identity, Media: h.media, Voting: h.voting, Moderation: h.desk, Archive: h.archive, Webhooks: hooks,
		Queue: h.queue,
		Files: h.bucket, Limits: limits,
		Assets: assets.Site(), Texts: assets.Text(),
		Options: site.Options{
			Version:   "1.2.3",
			FilesPath: diskstore.Path, URLExpiry: time.Hour, Catalogue: true, Zone: bogota, Region: "CO",
			Contact: "ayuda@example.org",
			Pages: map[string]map[string]branding.Page{"terms": {"es": {
				Markdown: ownTerms, Version: "2.1", Day: "2026-11-20",
			}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := web.New(web.Options{
		Addr: "127.0.0.1:0", Version: "test", Grace: time.Second, Limits: limits, Logger: log,
		Verify: auth.NewTokens(keys, time.Hour).Verify, Health: &telemetry.Health{},
		Browser: func(ctx context.Context, token string) (auth.Principal, error) {
			id, session, err := h.identity.BrowserCaller(ctx, token, web.Network(ctx))
			return auth.Principal{UserID: id, SessionID: session}, err
		},
	})
	h.identity.Routes(server)
	h.media.Routes(server)
	h.voting.Routes(server)
	h.desk.Routes(server)
	h.archive.Routes(server)
	hooks.Routes(server)
	pages.Routes(server)
	h.site, h.routes = pages, server.Routes
	troubles(server, limits)
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	})
	h.url = "http://" + server.Addr()
	return h
}

// passwordHash returns that of all accounts, because making one takes long on purpose.
var passwordHash = sync.OnceValues(func() (string, error) {
	passwords, err := auth.NewPasswords()
	if err != nil {
		return "", err
	}
	return passwords.Hash(password)
})

func (h *house) account(t testing.TB, first, city string) identity.User {
	t.Helper()
	hash, err := passwordHash()
	if err != nil {
		t.Fatal(err)
	}
	user := identity.User{
		ID: uuid.Must(uuid.NewV7()).String(), Email: strings.ToLower(first) + "@example.com", PasswordHash: hash,
		FirstName: first, LastName: "Ruiz", City: city, Country: "Colombia", CreatedAt: time.Now(),
	}
	if err := h.identity.Seed(t.Context(), []identity.User{user}); err != nil {
		t.Fatal(err)
	}
	return user
}

// publish gives a person a published video with posters.
func (h *house) publish(t testing.TB, user identity.User, title string) string {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	name, now := "processed/"+id+"-1", time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	out := voting.Output{
		ProcessedKey: name + ".mp4", PosterKey: name + ".jpg", SmallKey: name + "-small.mp4", SmallWidth: 640,
		SmallHeight: 360, Poster640Key: name + "-640.jpg", Poster320Key: name + "-320.jpg",
	}
	for key, width := range map[string]int{out.PosterKey: 1280, out.Poster640Key: 640, out.Poster320Key: 320} {
		h.put(t, key, poster(width, len(title)))
	}
	err := h.media.Seed(t.Context(), []media.Video{{
		ID: id, OwnerID: user.ID, Title: title, OriginalKey: "uploads/" + id + ".mp4", OriginalSize: 1,
		Output: media.Output(out), Duration: 35 * time.Second, UploadedAt: now, ProcessedAt: now,
	}})
	if err == nil {
		err = h.voting.Publish(t.Context(), voting.Entry{
			VideoID: id, UserID: user.ID, PlayerName: user.PlayerName(), City: user.City, Country: user.Country,
			Title: title, Description: "Una canción de mi abuela.\nMe acompaña mi hermano.", Output: out,
			Duration: 35 * time.Second, UploadedAt: now,
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (h *house) put(t testing.TB, key string, content []byte) {
	t.Helper()
	_, err := h.bucket.Put(t.Context(), key, bytes.NewReader(content), storage.PutOptions{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
}

// posters holds those that have been drawn.
var posters sync.Map

// poster returns a stage with a light, in a colour that depends on n.
func poster(width, n int) []byte {
	key := [2]int{width, n}
	if drawn, ok := posters.Load(key); ok {
		return drawn.([]byte)
	}
	drawn := drawPoster(width, n)
	posters.Store(key, drawn)
	return drawn
}

func drawPoster(width, n int) []byte {
	const cell = 8 // pixels, so that few are computed
	m := image.NewRGBA(image.Rect(0, 0, width, width*9/16))
	for y := 0; y < width*9/16; y += cell {
		for x := 0; x < width; x += cell {
			u, v := float64(x)/float64(width)-.5, float64(y)/float64(width)-.25
			light := math.Exp(-12 * (u*u + v*v*2))
			tone := 1 + .5*math.Sin(float64(n))
			red, blue := uint8(40+180*light*tone/1.5), uint8(70+120*light/tone)
			colour := image.NewUniform(color.RGBA{red, uint8(20 + 120*light), blue, 255})
			draw.Draw(m, image.Rect(x, y, x+cell, y+cell), colour, image.Point{}, draw.Src)
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: 70}); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// browser is a client with cookies that asks for pages and follows no redirects by itself.
type browser struct {
	*http.Client
	url string
}

func (h *house) browser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{
		Jar: jar, Transport: contracttest.Transport(t, nil),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, h.url}
}

// signedIn is a browser in which the person is signed in.
func (h *house) signedIn(t testing.TB, user identity.User) *browser {
	t.Helper()
	b := h.browser(t)
	answer := b.post(t, "/login", "email", user.Email, "password", password)
	if answer.status != http.StatusSeeOther {
		t.Fatalf("signing in answers %d\n%s", answer.status, answer.body)
	}
	return b
}

// document is what a browser got.
type document struct {
	status int
	header http.Header
	body   string
}

// location is where a redirect leads.
func (d document) location() string { return d.header.Get("Location") }

func (b *browser) get(t testing.TB, path string, headers ...string) document {
	t.Helper()
	return b.ask(t, http.MethodGet, path, nil, headers...)
}

func (b *browser) post(t testing.TB, path string, fields ...string) document {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.ask(t, http.MethodPost, path, strings.NewReader(form.Encode()),
		"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
}

func (b *browser) ask(t testing.TB, method, path string, body io.Reader, headers ...string) document {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Accept-Language", "es-CO")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return document{answer.StatusCode, answer.Header, string(content)}
}

// has fails the test unless the document has all of the texts.
func (d document) has(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(d.body, text) {
			t.Errorf("the page lacks %q:\n%s", text, d.body)
		}
	}
}

// crowd publishes so many videos of as many people.
func (h *house) crowd(t testing.TB, n int) (users []identity.User, videos []string) {
	t.Helper()
	cities := []string{"Bogotá", "Medellín", "Guadalajara", "Bogotá"}
	titles := []string{"El primer vuelo", "Cumbia de medianoche", "Cien toques sin parar", "Canción para mi abuela"}
	for i := range n {
		user := h.account(t, fmt.Sprintf("Ana%d", i), cities[i%len(cities)])
		users = append(users, user)
		videos = append(videos, h.publish(t, user, titles[i%len(titles)]))
	}
	return users, videos
}
