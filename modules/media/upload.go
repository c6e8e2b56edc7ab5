package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/fault"
	"risingstars/platform/storage"
)

// Limits of the texts of an upload, in characters.
const (
	maxTitle       = 200
	maxDescription = 5000
)

// uploadPatience is how long a file that arrives may stay without a row, and cleanupTime how long an undoing may take.
const (
	uploadPatience = 24 * time.Hour
	cleanupTime    = 10 * time.Second
)

// original is a stored file that no video points to yet. It becomes one by accept, or goes by abandon.
type original struct {
	videoID string
	key     string
}

// receive stores the file that r gives, in constant memory. Content is known by its first bytes, not by its name. On any
// error nothing is left.
func (m *Module) receive(ctx context.Context, r io.Reader) (*original, error) {
	head := make([]byte, ffmpeg.SniffLen)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err //nolint:wrapcheck // a fault of the body's reader
	}
	head = head[:n]
	container, ok := ffmpeg.Sniff(head)
	if !ok {
		return nil, errNotAVideo
	}

	o := &original{videoID: uuid.Must(uuid.NewV7()).String()}
	o.key = m.o.UploadPrefix + "/" + o.videoID + container.Extension
	if err := m.store.unclaim(ctx, time.Now().Add(uploadPatience), o.key); err != nil {
		return nil, err
	}
	_, err = m.bucket.Put(ctx, o.key, io.MultiReader(bytes.NewReader(head), r), storage.PutOptions{
		ContentType: container.ContentType, MaxBytes: m.o.MaxUploadBytes,
	})
	if err != nil {
		m.abandon(ctx, o.key)
		if errors.Is(err, storage.ErrTooLarge) {
			return nil, errTooLarge
		}
		return nil, fmt.Errorf("store an upload: %w", err)
	}
	return o, nil
}

// details are the words that come with an upload.
type details struct {
	Title       string
	Description string
	Start       time.Duration
}

// video is a new one of that file, uploaded now.
func (d details) video(id, ownerID, originalKey string) Video {
	return Video{
		ID: id, OwnerID: ownerID, Title: d.Title, Description: d.Description, Start: d.Start, Status: Uploaded,
		OriginalKey: originalKey, UploadedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
}

// newDetails checks what was typed into the form.
func newDetails(title, description, start string) (details, error) {
	d := details{Title: strings.Join(strings.Fields(printable(title)), " "), Description: strings.TrimSpace(printable(description))}
	var fields []fault.Field
	say := func(name, es, en string) {
		fields = append(fields, fault.Field{Location: "body." + name, Message: fault.Text{ES: es, EN: en}})
	}
	if length := utf8.RuneCountInString(d.Title); length < 1 || length > maxTitle {
		say("title", "debe tener entre 1 y 200 caracteres", "must have between 1 and 200 characters")
	}
	if utf8.RuneCountInString(d.Description) > maxDescription {
		say("description", "debe tener como máximo 5000 caracteres", "must have at most 5,000 characters")
	}
	if start = strings.TrimSpace(start); start != "" {
		seconds, err := strconv.ParseFloat(start, 64)
		if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > (24*time.Hour).Seconds() {
			say("start_seconds", "debe ser un número de segundos desde 0", "must be a number of seconds from 0")
		} else {
			d.Start = time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
		}
	}
	if len(fields) > 0 {
		return details{}, fault.ErrInvalid.WithFields(fields...)
	}
	return d, nil
}

// printable drops control characters but for white space: they show nothing, and PostgreSQL does not take a NUL.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// checkStart is a fault when the content would begin behind the end that a stored file states. Of one that states none, or
// cannot be read now, the worker will find out.
func (m *Module) checkStart(ctx context.Context, key string, start time.Duration) error {
	if start == 0 {
		return nil
	}
	file, _, err := m.bucket.Open(ctx, key)
	if err != nil {
		m.log.WarnContext(ctx, "the length of an upload was not read", "key", key, "error", err)
		return nil
	}
	defer file.Close()
	length, ok := ffmpeg.DurationFromHeader(file)
	if !ok || start < length {
		return nil
	}
	seconds := fmt.Sprintf("%.1f", length.Seconds())
	return fault.ErrInvalid.WithFields(fault.Field{Location: "body.start_seconds", Message: fault.Text{
		ES: "el video dura " + strings.Replace(seconds, ".", ",", 1) + " segundos y tendría que comenzar antes",
		EN: "the video is " + seconds + " seconds long and would have to start before that",
	}})
}

// accept makes a video of a stored file and asks for its processing. The file is gone again when that fails.
func (m *Module) accept(ctx context.Context, ownerID string, o *original, d details, mock bool) (Video, error) {
	v := d.video(o.videoID, ownerID, o.key)
	err := m.checkStart(ctx, o.key, d.Start)
	if err == nil {
		err = m.store.insert(ctx, v, mock)
	}
	if err != nil {
		m.abandon(ctx, o.key)
		return Video{}, err
	}
	if !mock {
		m.send(ctx, v.ID)
	}
	return v, nil
}
