package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"risingstars/infra/contracttest"
)

// uploadScript runs in a page of another site: it begins an upload, PUTs each part to its URL, and completes the
// upload.
const uploadScript = `async (api, token) => {
	const call = async (method, url, body) => {
		const headers = {Authorization: "Bearer " + token};
		if (body) headers["Content-Type"] = "application/json";
		const response = await fetch(url, {method, headers, body: body && JSON.stringify(body)});
		if (!response.ok) throw new Error(method + " " + url + ": " + await response.text());
		return response.json();
	};
	try {
		const file = await (await fetch("/clip.mp4")).blob();
		const upload = await call("POST", api + "/api/videos/uploads", {
			title: "From a page", filename: "clip.mp4", content_type: file.type, size: file.size,
		});
		let offset = 0;
		for (const part of upload.parts) {
			const response = await fetch(part.url, {method: "PUT", body: file.slice(offset, offset += part.size)});
			if (!response.ok || !response.headers.get("ETag")) {
				throw new Error("PUT: " + response.status + " " + await response.text());
			}
		}
		return (await call("POST", api + "/api/videos/uploads/" + upload.upload_id + "/complete")).video_id;
	} catch (error) {
		return "error: " + error;
	}
}`

func TestPageOfAnotherSiteUploadsStraightToStorage(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	clip := largeClip(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/clip.mp4" {
			http.ServeFile(w, r, clip)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<title>Upload</title>")
	}))
	defer page.Close()
	s := startSite(t, "CORS_ORIGINS="+page.URL)
	if s.bucket != nil {
		s.bucket.AllowUploadsFrom(t, page.URL)
	}
	ana := s.newPerson(t, "")
	token, err := json.Marshal(ana.Token)
	if err != nil {
		t.Fatal(err)
	}
	var id string
	script := fmt.Sprintf("(%s)(%q, %s)", uploadScript, contracttest.Proxy(t, s.URL), token)
	err = chromedp.Run(newBrowser(t), chromedp.Navigate(page.URL), chromedp.Evaluate(script, &id, awaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if v := ana.video(t, id); v.Title != "From a page" {
		t.Errorf("the page uploaded %q, which is %+v", id, v)
	}
}
