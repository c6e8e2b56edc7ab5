package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// side is one of the two of a row: it measures for so long.
type side func(ctx context.Context, length time.Duration) (result, error)

// load has so many clients make one call after another, and counts. client returns what makes one call.
func load(
	length time.Duration, clients int, client func(i int) (call func() error, closer func(), err error),
) (result, error) {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		took  []time.Duration
		fault error
	)
	calls := make([]func() error, clients)
	var closers []func()
	defer func() {
		for _, closer := range closers {
			closer()
		}
	}()
	for i := range clients {
		call, closer, err := client(i)
		if err != nil {
			return result{}, err
		}
		closers = append(closers, closer)
		calls[i] = call
	}
	began := time.Now()
	for _, call := range calls {
		all.Go(func() {
			var mine []time.Duration
			var err error
			for last := began; err == nil && last.Sub(began) < length; {
				err = call()
				now := time.Now()
				mine, last = append(mine, now.Sub(last)), now
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			fault = cmp.Or(fault, err)
		})
	}
	all.Wait()
	lasted := time.Since(began)
	if fault != nil || len(took) == 0 {
		return result{}, fault
	}
	slices.Sort(took)
	return result{float64(len(took)) / lasted.Seconds(), took[len(took)*99/100]}, nil
}

// clientTimeout ends a measurement whose server no longer answers.
const clientTimeout = 30 * time.Second

// connection is a kept one. It knows as much of HTTP/1.1 as costs least: an answer has a length, comes in chunks, or
// has no body.
type connection struct {
	conn   net.Conn
	answer *bufio.Reader
}

func dial(ctx context.Context, addr string) (*connection, error) {
	conn, err := (&net.Dialer{}).DialContext(context.WithoutCancel(ctx), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("reach what is measured: %w", err)
	}
	return &connection{conn, bufio.NewReaderSize(conn, 32<<10)}, nil
}

func (c *connection) close() { _ = c.conn.Close() }

// do sends a request and reads its answer, which must have the status.
func (c *connection) do(request []byte, status int) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	line, err := c.answer.ReadSlice('\n')
	if err != nil {
		return err
	}
	code, _ := strconv.Atoi(string(line[9:12]))
	length, chunked := 0, false
	for {
		line, err := c.answer.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		}
		chunked = chunked || string(line) == "Transfer-Encoding: chunked"
	}
	if code != status {
		body, _ := io.ReadAll(io.LimitReader(c.answer, int64(length)))
		return fmt.Errorf("status %d instead of %d: %s", code, status, body)
	}
	for chunked {
		line, err := c.answer.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if _, err := c.answer.Discard(int(size) + len("\r\n")); err != nil {
			return err
		}
		chunked = size > 0
	}
	_, err = c.answer.Discard(length)
	return err
}

// overHTTP has each client send what request makes, on a connection of its own.
func (b *bench) overHTTP(
	ctx context.Context, length time.Duration, addr string, status int, request func(i int) func(into []byte) []byte,
) (result, error) {
	return load(length, b.s.atOnce, func(i int) (func() error, func(), error) {
		c, err := dial(ctx, addr)
		if err != nil {
			return nil, nil, err
		}
		_ = c.conn.SetDeadline(time.Now().Add(length + clientTimeout))
		next, text := request(i), make([]byte, 0, 16<<10)
		return func() error {
			text = next(text[:0])
			return c.do(text, status)
		}, c.close, nil
	})
}

// get reads a page. With an etag, the answer must be 304.
func (b *bench) get(addr, path, etag string) side {
	text, status := "GET "+path+" HTTP/1.1\r\nHost: "+benchHost+"\r\n", 200
	if etag != "" {
		text, status = text+"If-None-Match: "+etag+"\r\n", 304
	}
	request := []byte(text + "\r\n")
	return func(ctx context.Context, length time.Duration) (result, error) {
		return b.overHTTP(ctx, length, addr, status, func(int) func([]byte) []byte {
			return func([]byte) []byte { return request }
		})
	}
}

// upload sends 10 KB of the letter 0, as load tests do.
func (b *bench) upload(addr, path string) side {
	const boundary = "----benchweb"
	var form bytes.Buffer
	fmt.Fprintf(&form, "--%s\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nA song\r\n", boundary)
	fmt.Fprintf(&form, "--%s\r\nContent-Disposition: form-data; name=\"video_file\"; filename=\"test_video.mp4\"\r\n"+
		"Content-Type: video/mp4\r\n\r\n%s\r\n--%s--\r\n", boundary, bytes.Repeat([]byte("0"), 10<<10), boundary)
	return func(ctx context.Context, length time.Duration) (result, error) {
		return b.overHTTP(ctx, length, addr, 202, func(i int) func([]byte) []byte {
			request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
				"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
				path, benchHost, b.uploaders[i], boundary, form.Len(), form.Bytes())
			return func([]byte) []byte { return request }
		})
	}
}

// benchHost is what requests say where they go; it is in the links of what is answered.
const benchHost = "showcase.example"

// httpGet returns a page and its ETag.
func httpGet(ctx context.Context, addr, path string) (body []byte, etag string, err error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return nil, "", err
	}
	defer c.close()
	_ = c.conn.SetDeadline(time.Now().Add(clientTimeout))
	fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, benchHost)
	answer, err := io.ReadAll(c.answer)
	if err != nil {
		return nil, "", err
	}
	header, body, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !bytes.HasPrefix(header, []byte("HTTP/1.1 200 ")) {
		return nil, "", fmt.Errorf("GET %s: %s", path, answer)
	}
	for line := range bytes.Lines(header) {
		if value, ok := bytes.CutPrefix(bytes.ToLower(line), []byte("etag: ")); ok {
			etag = string(bytes.TrimSpace(line[len(line)-len(value):]))
		}
	}
	return body, etag, nil
}
