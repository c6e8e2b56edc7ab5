package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// clip is a source to compare on.
type clip struct {
	name, file string
	filter     string // from its stored pictures to the rendition's: the reference for SSIM
}

// recipe says how a clip is recorded.
type recipe struct {
	width, height int
	rate, bits    string
	sideways      bool // stored landscape, shown upright
	noise         int  // strength of the grain; 0: some
	filter        string
}

func recipes() map[string]recipe {
	const plain = "scale=1280:720"
	return map[string]recipe{
		"1080p30": {width: 1920, height: 1080, rate: "30", bits: "12M", filter: plain},
		"1080p60": {width: 1920, height: 1080, rate: "60", bits: "18M", filter: "fps=30," + plain},
		"noisy":   {width: 1920, height: 1080, rate: "30", bits: "8M", filter: plain, noise: 12},
		"720p25":  {width: 1280, height: 720, rate: "25", bits: "6M", filter: plain},
		"2160p30": {width: 3840, height: 2160, rate: "30", bits: "40M", filter: plain},
		"portrait": {
			width: 1920, height: 1080, rate: "30", bits: "12M", sideways: true,
			filter: "scale=404:720,pad=1280:720:438:0",
		},
	}
}

// makeClips draws a detailed picture once and moves a camera over it, with grain, encoded as by a phone in H.264 and
// AAC. Each clip is a little longer than s.seconds.
func makeClips(ctx context.Context, s settings) ([]clip, error) {
	scene := filepath.Join(s.dir, "scene.png")
	err := ffmpeg(ctx,
		"-f", "lavfi", "-i", "mandelbrot=s=2560x1440:start_scale=0.02:start_x=-0.743643:start_y=-0.131825:maxiter=400",
		"-vf", "gblur=sigma=1.2", "-frames:v", "1", scene)
	if err != nil {
		return nil, err
	}
	var clips []clip
	for name := range strings.SplitSeq(s.clips, ",") {
		r, ok := recipes()[name]
		if !ok {
			return nil, fmt.Errorf("no clip %q", name)
		}
		c := clip{name: name, file: filepath.Join(s.dir, name+".mp4"), filter: r.filter}
		clips = append(clips, c)
		if _, err := os.Stat(c.file); err == nil {
			continue // -dir keeps them
		}
		length := fmt.Sprint(s.seconds + 2)
		camera := fmt.Sprintf("[0]scale=%d:-2:out_color_matrix=bt709,format=yuv420p,"+
			"loop=loop=-1:size=1,setpts=N/%s/TB,trim=end=%s,"+
			"crop=%d:%d:x='(iw-ow)/2*(1+0.9*sin(t*0.31))':y='(ih-oh)/2*(1+0.9*sin(t*0.23))',noise=c0s=5:c0f=t[v]",
			r.width*3/2, r.rate, length, r.width, r.height)
		video := []string{"-i", scene}
		if r.noise > 0 { // a fractal into which the camera falls
			video = []string{"-f", "lavfi", "-i", fmt.Sprintf(
				"mandelbrot=s=%dx%d:r=%s:end_pts=%d:maxiter=200", r.width, r.height, r.rate, 2*s.seconds+4)}
			camera = fmt.Sprintf("[0]noise=alls=%d:allf=t,trim=end=%s,format=yuv420p[v]", r.noise, length)
		}
		args := slices.Concat(video, []string{
			"-f", "lavfi", "-i", "anoisesrc=c=pink:a=0.3:d=" + length,
			"-filter_complex", camera, "-map", "[v]", "-map", "1",
			"-r", r.rate, "-c:v", "libx264", "-preset", "veryfast", "-g", "60",
			"-b:v", r.bits, "-maxrate", r.bits, "-bufsize", r.bits,
			"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-c:a", "aac", "-b:a", "128k",
		})
		if !r.sideways {
			err = ffmpeg(ctx, append(args, c.file)...)
		} else if err = ffmpeg(ctx, append(args, c.file+".mov")...); err == nil {
			// ffmpeg 5 writes the rotation only when it copies the stream.
			err = ffmpeg(ctx, "-i", c.file+".mov", "-c", "copy", "-metadata:s:v", "rotate=90", c.file)
		}
		if err != nil {
			return nil, err
		}
	}
	return clips, nil
}

func ffmpeg(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("ffmpeg %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
