// The program signs up, uploads a clip, follows it until it is published, and votes, all by the client that
// `make client-go` generates into showcase/. It shows how the client is used, and the end-to-end tests run it:
//
//	go run . http://localhost:8080 clip.mp4
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"risingstars/infra/clients/go/showcase"
)

const password = "correct horse battery"

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run . URL CLIP")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, clip string) error {
	contestant, err := newPerson(ctx, url, "contestant")
	if err != nil {
		return err
	}
	voter, err := newPerson(ctx, url, "voter")
	if err != nil {
		return err
	}
	id, err := upload(ctx, contestant, clip)
	if err != nil {
		return err
	}
	if err := follow(ctx, contestant, id); err != nil {
		return err
	}
	voted, err := voter.VoteWithResponse(ctx, id, nil)
	if err != nil {
		return err
	}
	if voted.JSON200 == nil {
		return fmt.Errorf("vote: %s", voted.Body)
	}
	again, err := voter.VoteWithResponse(ctx, id, nil)
	if err != nil {
		return err
	}
	if p := again.ApplicationproblemJSON400; p == nil || p.Code != "already_voted" {
		return fmt.Errorf("a second vote: %s", again.Body)
	}
	fmt.Println("votes:", voted.JSON200.TotalVotes)
	return nil
}

// newPerson signs up and in, and returns a client that sends the person's token along.
func newPerson(ctx context.Context, url, name string) (*showcase.ClientWithResponses, error) {
	client, err := showcase.NewClientWithResponses(url)
	if err != nil {
		return nil, err
	}
	email := fmt.Sprintf("%s-%d@example.com", name, time.Now().UnixNano())
	account, err := client.SignupWithResponse(ctx, showcase.SignupInputBody{
		Email: email, Password1: password, Password2: password,
		FirstName: "Ana", LastName: "Ruiz", City: "Bogotá", Country: "Colombia",
	})
	if err != nil {
		return nil, err
	}
	if account.JSON201 == nil {
		return nil, fmt.Errorf("sign up: %s", account.Body)
	}
	session, err := client.LoginWithResponse(ctx, nil, showcase.LoginInputBody{Email: &email, Password: password})
	if err != nil {
		return nil, err
	}
	if session.JSON200 == nil {
		return nil, fmt.Errorf("sign in: %s", session.Body)
	}
	authorize := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+session.JSON200.AccessToken)
		return nil
	}
	return showcase.NewClientWithResponses(url, showcase.WithRequestEditorFn(authorize))
}

func upload(ctx context.Context, client *showcase.ClientWithResponses, clip string) (id string, err error) {
	content, err := os.ReadFile(clip)
	if err != nil {
		return "", err
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("file", filepath.Base(clip))
	if err == nil {
		_, err = file.Write(content)
	}
	if err := errors.Join(err, w.WriteField("title", "By the Go client"), w.Close()); err != nil {
		return "", err
	}
	uploaded, err := client.UploadVideoWithBodyWithResponse(ctx, nil, w.FormDataContentType(), io.Reader(&form))
	if err != nil {
		return "", err
	}
	if uploaded.JSON201 == nil {
		return "", fmt.Errorf("upload: %s", uploaded.Body)
	}
	return uploaded.JSON201.VideoId, nil
}

// follow waits for the end of the video's events, and reads what has become of it.
func follow(ctx context.Context, client *showcase.ClientWithResponses, id string) error {
	events, err := client.VideoEventsWithResponse(ctx, id, nil)
	if err != nil {
		return err
	}
	if !bytes.Contains(events.Body, []byte("event: final")) {
		return fmt.Errorf("follow: %s", events.Body)
	}
	video, err := client.GetVideoWithResponse(ctx, id, nil)
	if err != nil {
		return err
	}
	if v := video.JSON200; v == nil || v.Status != showcase.VideoBodyStatusProcessed || v.ProcessedUrl == nil {
		return fmt.Errorf("the video: %s", video.Body)
	}
	return nil
}
