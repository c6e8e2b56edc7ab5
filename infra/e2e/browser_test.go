package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A visitor's browser plays a published clip with sound, and can seek in it.
func TestRenditionPlaysInABrowser(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := newSite(t).withSmall()
	s.start(t)
	ana := s.newPerson(t, "")
	v := ana.waitForFinal(t, ana.upload(t, shortClip(t), "Plays"))
	if v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}

	ctx := newBrowser(t)
	var played struct {
		Width, Height, Frames, AudioBytes int
		Duration, At                      float64
		Error                             string
	}
	const play = `(async () => {
		const video = document.querySelector("video");
		const nextEvent = name => new Promise((done, fail) => {
			video.addEventListener(name, done, {once: true});
			video.addEventListener("error", () => fail(video.error.message), {once: true});
		});
		const result = error => ({
			Width: video.videoWidth, Height: video.videoHeight, Duration: video.duration, At: video.currentTime,
			Frames: video.webkitDecodedFrameCount, AudioBytes: video.webkitAudioDecodedByteCount, Error: error,
		});
		try {
			if (video.readyState < 3) await nextEvent("canplay");
			video.pause();
			video.currentTime = video.duration - 1;
			await nextEvent("seeked");
			const ended = nextEvent("ended");
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
	if played.Error != "" || played.Width != 1280 || played.Height != 720 || played.Frames < 10 ||
		played.AudioBytes == 0 || played.Duration < 6.5 || played.At < played.Duration-0.1 {
		t.Fatalf("the browser played %+v", played)
	}
}

// newBrowser starts a browser and returns the context in which chromedp's actions run in it.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // which does not work for root
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(waitTimeout),
	)
	ctx, cancelAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancelBrowser := chromedp.NewContext(ctx)
	ctx, cancelTime := context.WithTimeout(ctx, waitTimeout)
	t.Cleanup(func() { cancelTime(); cancelBrowser(); cancelAllocator() })
	return ctx
}

// awaitPromise makes an evaluation wait for the script's promise.
func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
