package ffmpeg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	fg "github.com/u2takey/ffmpeg-go"
	"golang.org/x/sys/unix"

	"risingstars/platform/telemetry"
)

// bumperVersion is part of the names of cached files. Raise it when the animation changes; the pictures and the
// encoder's parameters are part of the names anyway.
const bumperVersion = "1"

// tempPrefix begins the names of unfinished files in the cache.
const tempPrefix = "tmp-"

// bumpers are the rendered intro and outro for one frame rate and size. One that a branding leaves out has no file and
// no frames.
type bumpers struct {
	intro, outro             string
	introFrames, outroFrames int
}

// brandingKey returns what the names of cached files begin with. It differs for another branding, build of ffmpeg, set
// of encoder parameters or bumperVersion.
func (p *Processor) brandingKey() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, bumperVersion)
	fmt.Fprint(h, p.version)
	fmt.Fprintln(h, p.brand.Hash(""))
	for _, s := range []size{bigSize(), {smallLong, smallShort}} {
		fmt.Fprintln(h, p.videoArgs(rational{30, 1}, s))
	}
	err := fs.WalkDir(p.branding, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".png" {
			return err
		}
		data, err := fs.ReadFile(p.branding, name)
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("ffmpeg: read branding: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// bumpers returns the bumpers for one frame rate and size, and renders those that are not in the cache yet.
func (p *Processor) bumpers(ctx context.Context, r rational, s size) (b bumpers, err error) {
	ctx, span := telemetry.Start(ctx, telemetry.Internal, "bumpers")
	defer func() { span.EndWith(err) }()
	if b.intro, b.introFrames, err = p.bumper(ctx, p.intro, r, s); err != nil {
		return b, err
	}
	b.outro, b.outroFrames, err = p.bumper(ctx, p.outro, r, s)
	return b, err
}

// Warm renders the bumpers of the most common clips, those with 30 pictures a second that are not upright, unless they
// are in the cache: a new installation's first clip need not wait for them.
func (p *Processor) Warm(ctx context.Context, rules Rules) error {
	sizes := []size{bigSize()}
	if !rules.NoSmall {
		sizes = append(sizes, size{smallLong, smallShort})
	}
	for _, s := range sizes {
		if _, err := p.bumpers(ctx, rational{30, 1}, s); err != nil {
			return err
		}
	}
	return nil
}

func (p *Processor) bumper(ctx context.Context, sc scene, r rational, s size) (path string, frames int, err error) {
	if sc.length == 0 {
		return "", 0, nil
	}
	frames = r.frames(sc.length)
	path = filepath.Join(p.cacheDir, fmt.Sprintf("%s-%s-%s-%d-%d.mp4", p.cacheKey, sc.name, s, r.num, r.den))
	err = p.cached(ctx, path, func(tmp string) error { return p.render(ctx, sc, r, s, frames, tmp) })
	return path, frames, err
}

// cached creates path with fill unless it exists. A file appears whole or not at all, for other processes as well, of
// which one fills it while the others wait.
func (p *Processor) cached(ctx context.Context, path string, fill func(tmp string) error) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	select {
	case p.filling <- struct{}{}:
		defer func() { <-p.filling }()
	case <-ctx.Done():
		return fmt.Errorf("wait for the bumpers: %w", ctx.Err())
	}
	unlock, err := p.lockCache(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	tmp, err := os.CreateTemp(p.cacheDir, tempPrefix+"*"+filepath.Ext(path))
	if err != nil {
		return &ToolError{Step: "bumper", Err: err}
	}
	tmp.Close()
	defer os.Remove(tmp.Name())
	if err := fill(tmp.Name()); err != nil {
		return err
	}
	// CreateTemp denies access to other users, whose processes may share the cache.
	if err := errors.Join(os.Chmod(tmp.Name(), 0o644), syncFile(tmp.Name()), os.Rename(tmp.Name(), path)); err != nil {
		return &ToolError{Step: "bumper", Err: err}
	}
	return nil
}

// lockCache waits until no other process fills the cache. The system releases the lock of a process that is killed.
// Where files cannot be locked, several processes write the same bytes.
func (p *Processor) lockCache(ctx context.Context) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(p.cacheDir, ".lock"), os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return func() {}, nil //nolint:nilerr // another user's cache, say
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return func() { _ = file.Close() }, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("wait for the bumpers: %w", ctx.Err()), file.Close())
		}
	}
}

// syncFile makes a file's content durable before its name is: after a power cut, an empty bumper would stay for ever.
func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// removeStale removes the unfinished files of killed processes: those older than an hour, because no rendering lasts
// that long.
func (p *Processor) removeStale(now time.Time) error {
	left, err := filepath.Glob(filepath.Join(p.cacheDir, tempPrefix+"*"))
	if err != nil {
		return fmt.Errorf("ffmpeg: clean cache folder: %w", err)
	}
	for _, name := range left {
		if st, err := os.Stat(name); err == nil && now.Sub(st.ModTime()) > time.Hour {
			if err := os.RemoveAll(name); err != nil {
				return fmt.Errorf("ffmpeg: clean cache folder: %w", err)
			}
		}
	}
	return nil
}

// extract copies one file of the branding to path.
func (p *Processor) extract(name, path string) error {
	data, err := fs.ReadFile(p.branding, name)
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		return &ToolError{Step: "bumper", Err: fmt.Errorf("extract %s: %w", name, err)}
	}
	return nil
}

// render draws a scene and encodes it as the clips are encoded.
func (p *Processor) render(ctx context.Context, sc scene, r rational, s size, frames int, out string) error {
	dir, err := os.MkdirTemp(p.cacheDir, tempPrefix+"layers-*")
	if err != nil {
		return &ToolError{Step: "bumper", Err: err}
	}
	defer os.RemoveAll(dir)
	canvas, err := sc.draw(ctx, p, dir, r, s, frames)
	if err != nil {
		return err
	}
	video := p.videoArgs(r, s)
	video["frames:v"] = frames
	args, err := build(canvas.Output(out, video))
	if err != nil {
		return &ToolError{Step: "bumper", Err: err}
	}
	return p.run(ctx, command{
		step: "bumper", path: p.ffmpeg, args: args, read: []string{dir}, write: []string{out}, budget: forOurOwn(),
	})
}

// animated draws the layers of a built-in scene on their stage, with their files in dir.
func (p *Processor) animated(sc scene, st stage, dir string, r rational, frames int) (*fg.Stream, error) {
	var canvas *fg.Stream
	for i, l := range sc.layers(st) {
		path := filepath.Join(dir, filepath.Base(l.file))
		if err := p.extract(l.file, path); err != nil {
			return nil, err
		}
		// Repeating the decoded picture spares decoding the PNG for every frame.
		still := localInput(path, fg.KwArgs{"f": "image2", "framerate": r.String()})
		s := filter(still, "loop", "loop", frames, "size", 1)
		if i == 0 {
			canvas = st.covered(l.prepare(s))
			continue
		}
		canvas = canvas.Overlay(l.prepare(s), "repeat", fg.KwArgs{"x": l.x, "y": l.y, "format": "rgb", "eval": "frame"})
	}
	canvas = fadeEnds(canvas, sc.length)
	canvas = filter(canvas, "scale", "w", st.out.width, "h", st.out.height,
		"out_color_matrix", "bt709", "out_range", "tv", "flags", "bicubic+accurate_rnd")
	return filter(filter(canvas, "format", "pix_fmts", "yuv420p"), "setsar", "sar", 1), nil
}
