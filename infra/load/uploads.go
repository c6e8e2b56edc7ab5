package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// uploads measures many large uploads at once, and whether others are still answered meanwhile. k6 would keep every
// body in memory, so the bodies are made while they are sent.
func uploads(ctx context.Context, o options) (err error) {
	if o.smoke {
		o.count, o.size = min(o.count, 3), min(o.size, 2)
	}
	s, err := openSite(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	tokens, err := signUp(ctx, s, min(o.count, 10))
	if err != nil {
		return err
	}
	r, rec, finish := begin(ctx, s, "uploads", fmt.Sprintf("%d uploads of %d MB at once", o.count, o.size))
	stop := live(ctx, rec)
	quiet, cancel := context.WithCancel(ctx)
	var others, senders sync.WaitGroup
	others.Go(func() { visit(quiet, s, rec) })
	for i := range o.count {
		senders.Go(func() {
			began := time.Now()
			err := upload(ctx, s, tokens[i%len(tokens)], int64(o.size)<<20)
			rec.long("uploads", "upload", began.Sub(r.Started).Seconds(), millis(time.Since(began)), reason(err))
		})
	}
	senders.Wait()
	cancel()
	others.Wait()
	stop()
	finish()
	r.Bars = append(r.common(128), bar{"MB per second, all together", "", number(r.uploadRates(o)), true})
	return r.save(o)
}

// uploadRates replaces what the tally believed about uploads, which it knows by their beginning only, and returns how
// many MB per second arrived, all together.
func (r *result) uploadRates(o options) (rate float64) {
	for _, steps := range [][]step{r.Steps, r.Requests} {
		for i, s := range steps {
			if s.Name == "upload" || s.Name == "uploads" {
				steps[i].Seconds = s.Max / 1000
				steps[i].Rate = float64(s.Requests) / steps[i].Seconds
				rate = steps[i].Rate * float64(o.size)
			}
		}
	}
	return rate
}

// reason tells failures apart: "" is none.
func reason(err error) string {
	if cause, ok := errors.AsType[*url.Error](err); ok {
		err = cause.Err // without the address, which differs
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// visit reads the gallery ten times a second until the context ends.
func visit(ctx context.Context, s *site, rec *record) {
	for ctx.Err() == nil {
		began := time.Now()
		status, err := get(ctx, s.url+"/api/public/videos?page_size=20", nil)
		if ctx.Err() != nil {
			return
		}
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		rec.request("meanwhile", "gallery", began.Sub(rec.start).Seconds(), millis(time.Since(began)), reason(err))
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// upload sends a clip of that many bytes to upload-mock.
func upload(ctx context.Context, s *site, token string, size int64) error {
	const line = "a-line-that-is-in-no-clip"
	head := "--" + line + "\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nA large clip\r\n--" + line +
		"\r\nContent-Disposition: form-data; name=\"video_file\"; filename=\"large.mp4\"\r\n" +
		"Content-Type: video/mp4\r\n\r\n\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom"
	tail := "\r\n--" + line + "--\r\n"
	body := io.MultiReader(bytes.NewReader([]byte(head)), io.LimitReader(newNoise(), size-20),
		bytes.NewReader([]byte(tail)))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/videos/upload-mock", body)
	if err != nil {
		return err
	}
	request.ContentLength = int64(len(head)) + size - 20 + int64(len(tail))
	request.Header.Set("Content-Type", "multipart/form-data; boundary="+line)
	request.Header.Set("Authorization", "Bearer "+token)
	status, err := send(request, nil)
	if err == nil && status != http.StatusAccepted {
		err = fmt.Errorf("status %d", status)
	}
	return err
}

// noise repeats random bytes, which no file system can store as less.
type noise struct {
	block []byte
	at    int
}

func newNoise() *noise {
	n := &noise{block: make([]byte, 1<<16)}
	for i := range n.block {
		n.block[i] = byte(rand.Uint32()) //nolint:gosec // nothing secret
	}
	return n
}

func (n *noise) Read(p []byte) (int, error) {
	copied := copy(p, n.block[n.at:])
	n.at = (n.at + copied) % len(n.block)
	return copied, nil
}

// signUp returns the tokens of so many new accounts.
func signUp(ctx context.Context, s *site, count int) (tokens []string, err error) {
	run, password := fmt.Sprint(time.Now().UnixNano()), "A-long-password-for-load-tests-1"
	for i := range count {
		email := fmt.Sprintf("uploads-%s-%d@example.com", run, i)
		account := fmt.Sprintf(`{"email":%q,"password1":%q,"password2":%[2]q,"first_name":"Load","last_name":"Test",`+
			`"city":"Bogotá","country":"Colombia"}`, email, password)
		status, err := post(ctx, s.url+"/api/auth/signup", "application/json", bytes.NewBufferString(account), nil)
		if err != nil || status != http.StatusCreated {
			return nil, fmt.Errorf("sign up: %d, %w", status, err)
		}
		var answer struct {
			Token string `json:"access_token"`
		}
		login := fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
		status, err = post(ctx, s.url+"/api/auth/login", "application/json", bytes.NewBufferString(login), &answer)
		if err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("log in: %d, %w", status, err)
		}
		tokens = append(tokens, answer.Token)
	}
	return tokens, nil
}
