package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TestTheResultPlaysInABrowser opens a published clip as a visitor's browser does: it plays, sounds, and seeks.
func TestTheResultPlaysInABrowser(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	ana := s.join(t, "")
	v := ana.final(t, ana.upload(t, shortClip(t), "Plays"))
	if v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}

	ctx := browser(t)
	var played struct {
		Width, Height, Frames, AudioBytes int
		Duration, At                      float64
		Error                             string
	}
	const play = `(async () => {
		const video = document.querySelector("video");
		const told = name => new Promise((done, fail) => {
			video.addEventListener(name, done, {once: true});
			video.addEventListener("error", () => fail(video.error.message), {once: true});
		});
		const result = error => ({
			Width: video.videoWidth, Height: video.videoHeight, Duration: video.duration, At: video.currentTime,
			Frames: video.webkitDecodedFrameCount, AudioBytes: video.webkitAudioDecodedByteCount, Error: error,
		});
		try {
			if (video.readyState < 3) await told("canplay");
			video.pause();
			video.currentTime = video.duration - 1;
			await told("seeked");
			const ended = told("ended");
			await video.play();
			await ended;
			return result("");
		} catch (error) {
			return result(String(error));
		}
	})()`
	err := chromedp.Run(ctx, chromedp.Navigate(v.ProcessedURL), chromedp.WaitReady("video"),
		chromedp.Evaluate(play, &played, chromedp.EvalAsValue, awaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if played.Error != "" || played.Width != 1280 || played.Height != 720 || played.Frames < 10 || played.AudioBytes == 0 ||
		played.Duration < 6.5 || played.At < played.Duration-0.1 {
		t.Fatalf("the browser played %+v", played)
	}
}

// browser is a context in which chromedp's actions run.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // root has none
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(patience),
	)
	ctx, cancelAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancelBrowser := chromedp.NewContext(ctx)
	ctx, cancelTime := context.WithTimeout(ctx, patience)
	t.Cleanup(func() { cancelTime(); cancelBrowser(); cancelAllocator() })
	return ctx
}

// awaitPromise makes an evaluation wait for the script's promise.
func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
