package app

import (
	"slices"
	"strings"

	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/moderation"
	"risingstars/modules/voting"
	"risingstars/modules/webhooks"
	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/idempotency"
	"risingstars/platform/limit"
	"risingstars/platform/storage/diskstore"
	"risingstars/platform/web"
)

// aboutAPI is Markdown, with ' for the marks of code.
const aboutAPI = `A video contest: contestants upload one clip each, everybody watches and votes, and the votes rank the
contestants.

**From nothing to a vote**: create an account, sign in, upload a clip, follow its progress until it is published, and
vote.

**Signing in.** Send the access token of a sign-in as 'Authorization: Bearer …'. In /docs, *Authorize* fetches one for
your e-mail and password.

**Errors** are problem documents (RFC 9457). Programs decide by 'code', which never changes; 'detail' is for people, in
Spanish, or in English by Accept-Language; 'type' is a page about the code, and /errors lists all. Fields that need
correcting stand in 'errors', with JSON pointers. Quote 'request_id' when you ask for help. A proxy in front of the
service answers in the same form: with 400, 413, 414, 429, 502, 503 or 504. Whoever asks for text/html outside of /api
gets a page instead. What is no HTTP at all, or has a head of more than 16 KiB, gets 400 or 431 in plain text.

**Lists** have pages: follow the links in the header Link.

**Limits.** 429 and 503 say in Retry-After when to try again.

Ids are UUIDs of version 7, times are RFC 3339 in UTC. Unknown query parameters are ignored.
`

// documentation is what the API's document and its catalogue of errors say beside what the modules declare.
func documentation() web.Documentation {
	return web.Documentation{
		Description: strings.ReplaceAll(aboutAPI, "'", "`"),
		Groups: []web.Group{
			{Name: "Accounts", Description: "Create an account, sign in, and read your account."},
			{Name: "Upload", Description: "Send a clip as a form, as browsers do."},
			{
				Name: "Direct upload",
				Description: "Send a clip in parts, straight to storage: begin, PUT each part to its URL, complete. " +
					"An upload that breaks off goes on with the parts that are missing.",
			},
			{Name: "Your videos", Description: "Follow, retry and delete what you have uploaded."},
			{Name: "Gallery", Description: "Published videos. No account is needed."},
			{Name: "Voting", Description: "Vote for a video, once, or take the vote back."},
			{Name: "Ranking", Description: "Contestants in the order of their votes."},
			{Name: "Files", Description: "Clips, posters, originals, and the parts of direct uploads."},
			{Name: "Moderation", Description: "Report a video; hide it, and decide on reports, by a role."},
			{
				Name:        "Administration",
				Description: "Accounts, roles and the log of acts, for those who look after the site.",
			},
			{
				Name:        "Webhooks",
				Description: "Programs elsewhere that are told what happens, signed as standardwebhooks.com says.",
			},
			{Name: "Results", Description: "All entries, their votes and the ranking, as tables, by a role."},
			{Name: "Service", Description: "Health and metrics, for operators."},
			{Name: "Documentation", Description: "This document in several forms, and what each error means."},
		},
		Faults: slices.Concat(
			fault.Faults(), web.Faults(), limit.Faults(), idempotency.Faults(), disk.Faults(), diskstore.Faults(),
			identity.Faults(), media.Faults(), voting.Faults(), moderation.Faults(),
			webhooks.Faults(),
		),
		Reasons:  media.Reasons(),
		Examples: examples(),
	}
}

// examples has what fields and parameters of these names show in the document.
func examples() map[string]any {
	const (
		video = "0198f2b4-7c1e-7d3a-9b52-6f0a4c8e1d27"
		user  = "0198f2b4-6a10-7b44-8e21-3d5c9f7a0b12"
		media = "https://show.example/media/"
		files = media + "processed/" + video + "-1"
	)
	return map[string]any{ //nolint:gosec // examples
		"id": video, "video_id": video, "task_id": video, "upload_id": video, "user_id": user,
		"email": "ana@example.com", "password": "caballo grapa batería", "password1": "caballo grapa batería",
		"password2": "caballo grapa batería", "first_name": "Ana", "last_name": "Ruiz", "player_name": "Ana Ruiz",
		"artist_name": "Ana Ruiz", "city": "Bogotá", "country": "Colombia", "country_code": "CO",
		"username":     "ana@example.com",
		"access_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTk4In0.c2lnbmF0dXJl", "expires_in": 3600, "totp": "492039",
		"refresh_token": "5GJX2LQWTA7ZC3NVUK4BYEMH6R.4NvrCv6pRYXgM2lzS1wYnQGY8rR8HnM6m1JvCkyOHSc",
		"session_id":    "0198f2b4-6b73-7c10-a5d2-91e4b7f03c58",
		"title":         "Tango en la plaza", "description": "Grabado en casa",
		"processed_url": files + ".mp4", "poster_url": files + ".jpg", "small_url": files + "-small.mp4",
		"original_url": media + "uploads/" + video + ".mp4?expires=1795808645&signature=c2lnbmF0dXJl",
		"url":          files + "-640.jpg", "width": 640, "height": 360, "small_width": 640, "small_height": 360,
		"duration_seconds": 29.5, "start_seconds": 0, "progress": 40, "stage": "processing", "status": "uploaded",
		"votes": 128, "vote_count": 128, "total_votes": 129, "position": 1, "total": 1, "total_pages": 1,
		"filename": "clip.mp4", "content_type": "video/mp4", "size": 7340032, "part_size": 5242880, "number": 1,
		"queue_position": 3, "queue_position_text": "3", "message": "Hecho.", "next_after": "djE6MTI4OjAxOThm",
		"folder": "processed", "name": video + "-1.mp4", "expires": "1795808645", "signature": "c2lnbmF0dXJl",
		"upload": "b3f1", "part": "1",
		"report_id": "0198f2b4-9d2c-7a11-8c3e-5b7d9f1a2c4e", "reason": "spam", "words": "Anuncia una tienda.",
		"decision": "dismissed", "by": user, "why": "Es del concurso.", "reporter": user, "actor": user,
		"subject": "user:" + user, "before": "", "after": "moderator",
	}
}
