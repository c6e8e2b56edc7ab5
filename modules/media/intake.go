package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/fault"
	"risingstars/platform/text"
)

// Limits of the texts of an upload, in characters.
const (
	MaxTitle       = 200
	MaxDescription = 5000
)

// cleanupTimeout limits the work that follows a failure.
const cleanupTimeout = 10 * time.Second

// details are what an owner says about an upload.
type details struct {
	Title       string
	Description string
	Start       time.Duration
}

// newDetails checks what was entered into the form. start is in seconds; "" means 0.
func newDetails(title, description, start string) (details, error) {
	return checkDetails(title, description, start, true)
}

// checkDetails is newDetails for what may still lack a title, unless it is complete.
func checkDetails(title, description, start string, complete bool) (details, error) {
	d := details{Title: text.Clean(title), Description: text.CleanLines(description)}
	var fields []fault.Field
	refuse := func(name, es, en string) {
		fields = append(fields, fault.Field{Location: "body." + name, Message: fault.Text{ES: es, EN: en}})
	}
	if length := utf8.RuneCountInString(d.Title); length == 0 {
		if complete {
			refuse("title", "escribe un título", "needs to be filled in")
		}
	} else if length > MaxTitle {
		refuse("title", "debe tener entre 1 y 200 caracteres", "must have between 1 and 200 characters")
	} else if !text.HasLetterOrNumber(d.Title) {
		refuse("title", "debe tener al menos una letra o un número", "must have at least one letter or number")
	}
	if utf8.RuneCountInString(d.Description) > MaxDescription {
		refuse("description", "debe tener como máximo 5000 caracteres", "must have at most 5,000 characters")
	}
	var known bool
	if d.Start, known = parseStart(start); !known {
		refuse("start_seconds", "debe ser un número de segundos entre 0 y 86400",
			"must be a number of seconds from 0 to 86,400")
	}
	if len(fields) > 0 {
		return details{}, fault.ErrInvalid.WithFields(fields...)
	}
	return d, nil
}

// proved returns errUnverified if uploads require a proved e-mail and the owner has none.
func (m *Module) proved(ctx context.Context, ownerID string) error {
	if m.uploaders == nil {
		return nil
	}
	ok, err := m.uploaders.Verified(ctx, ownerID)
	if err == nil && !ok {
		err = errUnverified
	}
	return err
}

// MayUpload returns the fault with which any upload of the owner would be refused now, or nil.
func (m *Module) MayUpload(ctx context.Context, ownerID string) error {
	if err := m.moderation.MayUpload(ctx, ownerID); err != nil {
		return err
	}
	if err := m.proved(ctx, ownerID); err != nil {
		return err
	}
	return m.checkQuota(ctx, ownerID, 0)
}

// parseStart reads a number of seconds; "" means 0.
func parseStart(typed string) (start time.Duration, ok bool) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return 0, true
	}
	seconds, err := strconv.ParseFloat(typed, 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > (24*time.Hour).Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond), true
}

// newVideo returns a new video with the details d, uploaded now.
func (m *Module) newVideo(
	ctx context.Context, d details, id, ownerID, originalKey string, size int64,
) (Video, error) {
	v := d.video(id, ownerID, originalKey, size)
	var err error
	v.UploadedAt, err = m.store.db.Now(ctx)
	return v, err
}

// video returns a new one with the details, without the time of its upload.
func (d details) video(id, ownerID, originalKey string, size int64) Video {
	return Video{
		ID: id, OwnerID: ownerID, Title: d.Title, Description: d.Description, Start: d.Start, Status: Uploaded,
		OriginalKey: originalKey, OriginalSize: size,
	}
}

// nameOriginal returns the id of a new video and the name of its original, without the extension. The id begins every
// key of a video (videoOf). A given id may have been that of an attempt which was cut off, whose file has the name, so
// something new follows it; "" stands for a new id.
func nameOriginal(id string) (videoID, name string) {
	fresh := uuid.Must(uuid.NewV7()).String()
	if id == "" {
		return fresh, fresh
	}
	return id, id + "-" + fresh
}

// sniff recognises the container by the first bytes of r and also returns those, even if the error is errNotAVideo,
// because the contest does not accept the container.
func sniff(r io.Reader) (container ffmpeg.Container, head []byte, err error) {
	head = make([]byte, ffmpeg.SniffLen)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return ffmpeg.Container{}, nil, fmt.Errorf("read the first bytes: %w", err)
	}
	head = head[:n]
	container, ok := ffmpeg.Sniff(head)
	if !ok {
		return ffmpeg.Container{}, head, errNotAVideo
	}
	return container, head, nil
}

// checkStart refuses a start that is not before the end of a stored file, by the duration in its header. A file that
// states none, or that cannot be read at the moment, passes: the worker checks the start again.
func (m *Module) checkStart(ctx context.Context, key string, start time.Duration) error {
	if start == 0 {
		return nil
	}
	file, _, err := m.bucket.Open(ctx, key)
	if err != nil {
		m.log.WarnContext(ctx, "the duration of an upload was not read", "key", key, "error", err)
		return nil
	}
	defer file.Close()
	length, ok := ffmpeg.DurationFromHeader(file)
	if !ok || start < length {
		return nil
	}
	seconds := fmt.Sprintf("%.1f", length.Seconds())
	return fault.ErrInvalid.WithFields(fault.Field{Location: "body.start_seconds", Message: fault.Text{
		ES: "debe ser menor que los " + strings.Replace(seconds, ".", ",", 1) + " segundos que dura el video",
		EN: "must be less than the " + seconds + " seconds that the video lasts",
	}})
}
