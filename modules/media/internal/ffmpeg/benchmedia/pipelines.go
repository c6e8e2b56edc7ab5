package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"risingstars/assets"
	media "risingstars/modules/media/internal/ffmpeg"
)

// files are what a job makes. Small is "" if it makes one size.
type files struct{ Video, Small string }

// A pipeline prepares a job and returns it; only the job is measured.
type pipeline func(in, dir string) (func(context.Context) (files, error), error)

func pipelines(s settings) map[string]pipeline {
	return map[string]pipeline{
		"ours": ours(s, false), "bare": bare(s), "chain": chain(s),
		"ours, both": ours(s, true), "bare, both": bareBoth(s),
	}
}

func ours(s settings, both bool) pipeline {
	return func(in, dir string) (func(context.Context) (files, error), error) {
		p, err := media.New(media.Options{
			CacheDir: filepath.Join(s.dir, "bumpers"), Branding: assets.Branding(), Threads: s.threads,
		})
		if err != nil {
			return nil, err
		}
		container := media.Container{Demuxer: "mov", Extension: ".mp4", ContentType: "video/mp4"}
		rules := media.Rules{MaxClip: time.Duration(s.seconds) * time.Second, NoSmall: !both}
		return func(ctx context.Context) (files, error) {
			r, err := p.Process(ctx, media.Job{Input: in, Container: container, Dir: dir, Rules: rules})
			return files{r.Video, r.Small.File}, err
		}, nil
	}
}

// encoding is that of the profile, the same in all pipelines.
func encoding() []string {
	return []string{"-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-g", "60", "-pix_fmt", "yuv420p"}
}

// sixteenByNine is the usual filter that fits any clip into 1280×720.
const sixteenByNine = "scale=1280:720:force_original_aspect_ratio=decrease:force_divisible_by=2," +
	"pad=1280:720:(ow-iw)/2:(oh-ih)/2,setsar=1"

// overlay puts the watermark where the renditions have it.
func overlay() string {
	x, y := media.WatermarkCorner()
	return "overlay=" + x + ":" + y
}

// picture copies one file of the branding to where ffmpeg can read it.
func picture(dir, name string) (string, error) {
	data, err := fs.ReadFile(assets.Branding(), name)
	if err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }() // opened only to write one file
	return filepath.Join(dir, name), root.WriteFile(name, data, 0o600)
}

// bare does the least that a rendition needs: one pass with trim, scale, pad and watermark, with sound, at 30 frames/s.
func bare(s settings) pipeline {
	return func(in, dir string) (func(context.Context) (files, error), error) {
		logo, err := picture(dir, "watermark.png")
		out := filepath.Join(dir, "bare.mp4")
		return func(ctx context.Context) (files, error) {
			args := []string{
				"-t", strconv.Itoa(s.seconds), "-i", in, "-i", logo,
				"-filter_complex", "[0:v]fps=30," + sixteenByNine + "[v];[v][1]" + overlay() + "[o]",
				"-map", "[o]", "-map", "0:a", "-c:a", "aac", "-b:a", "128k",
			}
			return files{Video: out}, ffmpeg(ctx, append(append(args, encoding()...), out)...)
		}, err
	}
}

// bareBoth is bare for both sizes: it decodes once, and scales, marks and encodes each of them.
func bareBoth(s settings) pipeline {
	return func(in, dir string) (func(context.Context) (files, error), error) {
		logo, err := picture(dir, "watermark.png")
		made := files{filepath.Join(dir, "bare.mp4"), filepath.Join(dir, "bare-small.mp4")}
		small := media.SmallFrame(strings.Contains(in, "portrait"))
		return func(ctx context.Context) (files, error) {
			graph := "[0:v]fps=30,split[a][b];[a]" + sixteenByNine + "[v];[v][1]" + overlay() + "[o];" +
				"[b]scale=" + small + ",setsar=1[s];[1]scale=iw/2:ih/2[m];[s][m]overlay=W-w-5:5[p]"
			args := slices.Concat(
				[]string{"-t", strconv.Itoa(s.seconds), "-i", in, "-i", logo, "-filter_complex", graph},
				[]string{"-map", "[o]", "-map", "0:a", "-c:a", "aac", "-b:a", "128k"}, encoding(), []string{made.Video},
				[]string{"-map", "[p]", "-map", "0:a", "-c:a", "aac", "-b:a", "64k"}, encoding(),
				[]string{"-maxrate", media.SmallPeak, "-bufsize", media.SmallPeak, made.Small})
			return made, ffmpeg(ctx, args...)
		}, err
	}
}

// chain does what scripts for this purpose usually do: trim, scale and mute; then the watermark; then intro and outro;
// then all three through the concat filter. The clip is encoded three times.
func chain(s settings) pipeline {
	return func(in, dir string) (func(context.Context) (files, error), error) {
		logo, err := picture(dir, "watermark.png")
		if err != nil {
			return nil, err
		}
		backdrop, err := picture(dir, "backdrop.png")
		if err != nil {
			return nil, err
		}
		path := func(name string) string { return filepath.Join(dir, name) }
		step := func(out string, args ...string) []string {
			return slices.Concat(args, encoding(), []string{path(out)})
		}
		still := []string{"-loop", "1", "-framerate", "30", "-t", "2.5", "-i", backdrop, "-vf", "fade=d=0.5"}
		steps := [][]string{
			step("cut.mp4", "-t", strconv.Itoa(s.seconds), "-i", in, "-vf", "fps=30,"+sixteenByNine, "-an"),
			step("marked.mp4", "-i", path("cut.mp4"), "-i", logo, "-filter_complex", overlay()),
			step("intro.mp4", still...),
			step("outro.mp4", still...),
			step("chain.mp4", "-i", path("intro.mp4"), "-i", path("marked.mp4"), "-i", path("outro.mp4"),
				"-filter_complex", "[0:v][1:v][2:v]concat=n=3"),
		}
		return func(ctx context.Context) (files, error) {
			for _, args := range steps {
				if err := ffmpeg(ctx, args...); err != nil {
					return files{}, err
				}
			}
			return files{Video: path("chain.mp4")}, nil
		}, nil
	}
}

// intro is how long a pipeline's result runs before the content begins.
func intro(pipeline string) float64 {
	if strings.HasPrefix(pipeline, "bare") {
		return 0
	}
	return 2.5
}
