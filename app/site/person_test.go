package site_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// person is somebody at a browser that runs scripts.
type person struct {
	t   *testing.T
	ctx context.Context
}

// newBrowser starts a browser and returns the context in which chromedp's actions run in it.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	return newBrowserFor(t, 5*time.Minute)
}

// newBrowserFor starts one that runs so long at most.
func newBrowserFor(t *testing.T, most time.Duration) context.Context {
	t.Helper()
	folder, err := os.MkdirTemp("", "browser-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // which does not work for root
		chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(folder),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, cancelAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancelBrowser := chromedp.NewContext(ctx)
	ctx, cancelTime := context.WithTimeout(ctx, most)
	t.Cleanup(func() {
		cancelTime()
		cancelBrowser()
		cancelAllocator()
		chromedp.FromContext(ctx).Allocator.Wait()
		for end := time.Now().Add(10 * time.Second); os.RemoveAll(folder) != nil && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond) // some of its processes write into it to the very end
		}
	})
	// The first context that runs owns the browser. Its window has the focus, whatever others do.
	if err := chromedp.Run(ctx, emulation.SetFocusEmulationEnabled(true)); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// within runs an action that may take so long.
func within(ctx context.Context, most time.Duration, action chromedp.Action) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return chromedp.Run(ctx, action)
}

// awaitPromise makes an evaluation wait for the script's promise.
func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

func (p person) do(actions ...chromedp.Action) {
	p.t.Helper()
	for i, action := range actions {
		if err := within(p.ctx, 20*time.Second, action); err != nil {
			var html string
			_ = chromedp.Run(p.ctx, chromedp.OuterHTML("html", &html, chromedp.ByQuery))
			p.t.Fatalf("step %d: %v\n%s", i, err, html)
		}
	}
}

// sees fails the test unless the body of an async function in the page returns the text.
func (p person) sees(want, body string) {
	p.t.Helper()
	const helpers = `
		const one = selector => document.querySelector(selector);
		const until = async ready => {
			while (!ready()) await new Promise(again => setTimeout(again, 20));
		};`
	var got string
	p.do(chromedp.Evaluate("(async () => {"+helpers+body+"})()", &got, awaitPromise))
	if got != want {
		p.t.Errorf("it is %q, want %q, after%s", got, want, body)
	}
}

// keys presses keys, one after the other.
func (p person) keys(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do(chromedp.KeyEvent(key))
	}
}

// tabTo presses the tabulator until what the selector names has the focus, which each stop on the way must show.
func (p person) tabTo(selector string) {
	p.t.Helper()
	p.goTo(selector, chromedp.KeyEvent(kb.Tab))
}

// backTo does so backwards.
func (p person) backTo(selector string) {
	p.t.Helper()
	p.goTo(selector, chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(input.ModifierShift)))
}

func (p person) goTo(selector string, press chromedp.Action) {
	p.t.Helper()
	for range 60 {
		var at string
		p.do(chromedp.Evaluate(`(() => {
			const stop = document.activeElement;
			if (stop.matches(`+strconv.Quote(selector)+`)) return "there";
			return stop.matches(":focus-visible, main, body, video") ? "" : stop.outerHTML.slice(0, 200);
		})()`, &at))
		if at == "there" {
			return
		}
		if at != "" {
			p.t.Errorf("the focus is not shown at %s", at)
		}
		p.do(press)
	}
	p.t.Fatalf("no number of tabs leads to %s", selector)
}

// tab opens another tab of the same browser.
func (p person) tab() person {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	p.t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		p.t.Fatal(err)
	}
	return person{p.t, ctx}
}

// reload loads the page again, whatever it asks before it goes.
func (p person) reload() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	chromedp.ListenTarget(ctx, func(event any) {
		if _, asks := event.(*page.EventJavascriptDialogOpening); asks {
			go func() { _ = chromedp.Run(p.ctx, page.HandleJavaScriptDialog(true)) }()
		}
	})
	p.do(chromedp.Reload(), chromedp.WaitReady(ready, chromedp.ByQuery))
}

// throttle limits what the browser sends, in bytes per second.
func (p person) throttle(rate float64) { p.onLine(20*time.Millisecond, 10e6, rate) }

// onLine gives the browser a line that answers so late, and carries so many bytes per second down and up.
func (p person) onLine(latency time.Duration, down, up float64) {
	p.t.Helper()
	p.do(network.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := network.EmulateNetworkConditionsByRule(false, []*network.Conditions{{
			URLPattern: "", Latency: float64(latency.Milliseconds()), UploadThroughput: up, DownloadThroughput: down,
		}}).Do(ctx)
		return err
	}))
}

// begins runs a script before those of each page that is opened from now on.
func (p person) begins(script string) {
	p.t.Helper()
	p.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
		return err
	}))
}
