package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

// contract lists every call that other people's clients depend on; the secured ones need a token.
const contract = `
POST   /api/auth/signup               open
POST   /api/auth/login                open
GET    /api/auth/me                   secured
PATCH  /api/auth/me                   secured
DELETE /api/auth/me                   secured
POST   /api/auth/me/export            secured
GET    /api/auth/me/export            secured
POST   /api/auth/undelete             open
POST   /api/auth/email/confirm        open
POST   /api/auth/email/resend         secured
POST   /api/auth/email/change         secured
POST   /api/auth/password/forgot      open
POST   /api/auth/password/reset       open
POST   /api/auth/password/change      secured
POST   /api/auth/refresh              open
POST   /api/auth/logout               secured
POST   /api/auth/logout-all           secured
GET    /api/auth/sessions             secured
DELETE /api/auth/sessions/{id}        secured
GET    /api/auth/totp                 secured
POST   /api/auth/totp/setup           secured
POST   /api/auth/totp/confirm         secured
POST   /api/auth/totp/disable         secured
POST   /api/videos/upload             secured
POST   /api/videos/upload-mock        secured
POST   /api/videos/uploads            secured
POST   /api/videos/uploads/{id}/complete secured
DELETE /api/videos/uploads/{id}       secured
GET    /api/videos                    secured
GET    /api/videos/                   secured
GET    /api/videos/user               secured
GET    /api/videos/{id}               secured
POST   /api/videos/{id}/retry         secured
DELETE /api/videos/{id}               secured
GET    /api/public/videos             open
GET    /api/public/videos/{id}        open
POST   /api/public/videos/{id}/vote   secured
DELETE /api/public/videos/{id}/vote   secured
GET    /api/public/rankings           open
GET    /health                        open
GET    /api/health                    open
GET    /livez                         open
GET    /readyz                        open`

// What is reviewed is what every stage serves, whatever its configuration.
func TestTheServedDocumentIsTheCommittedOne(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	served := string(s.get(t, "/openapi.yaml", "").want(t, http.StatusOK, "").Body)
	if committed := readFile(t, "../openapi/openapi.yaml"); served != committed {
		t.Errorf("/openapi.yaml has %d bytes, and the committed document %d: %s",
			len(served), len(committed), cmp.Diff(committed, served))
	}
}

func TestOpenAPIDocumentIsValidAndCoversTheContract(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t, "LOAD_TEST_ENDPOINTS=true")
	response := s.get(t, "/openapi.json", "").want(t, http.StatusOK, "")
	document, err := openapi3.NewLoader().LoadFromData(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(document.OpenAPI, "3.1") {
		t.Errorf("the document is OpenAPI %s", document.OpenAPI)
	}
	older, err := openapi3.NewLoader().LoadFromData(s.get(t, "/openapi-3.0.json", "").want(t, http.StatusOK, "").Body)
	if err == nil {
		err = older.Validate(t.Context())
	}
	if err != nil || older.OpenAPI != "3.0.3" || strings.Contains(
		string(s.get(t, "/openapi-3.0.yaml", "").want(t, http.StatusOK, "").Body), `type: "null"`) {
		t.Errorf("the document for older tools: %v", err)
	}
	schemes := document.Components.SecuritySchemes
	if bearer := schemes["bearer"]; bearer == nil || bearer.Value.Type != "http" || bearer.Value.Scheme != "bearer" {
		t.Errorf("the security schemes are %v", schemes)
	}

	for call := range strings.Lines(strings.TrimSpace(contract)) {
		fields := strings.Fields(call)
		method, path, secured := fields[0], fields[1], fields[2] == "secured"
		item := document.Paths.Value(path)
		if item == nil || item.GetOperation(method) == nil {
			t.Errorf("%s %s is not described", method, path)
			continue
		}
		operation := item.GetOperation(method)
		isBearer := func(r openapi3.SecurityRequirement) bool {
			_, ok := r["bearer"]
			return ok
		}
		declared := operation.Security != nil && slices.ContainsFunc(*operation.Security, isBearer)
		if declared != secured {
			t.Errorf("%s %s: secured is %t, want %t", method, path, declared, secured)
		}
		if secured && operation.Responses.Status(http.StatusUnauthorized) == nil {
			t.Errorf("%s %s does not describe its 401", method, path)
		}
		for status, response := range operation.Responses.Map() {
			problem := response.Value.Content["application/problem+json"] != nil
			if failure := status >= "4"; failure != problem && response.Value.Content != nil {
				t.Errorf("%s %s: %s is described by %v", method, path, status, response.Value.Content)
			}
		}
	}

	login := document.Paths.Value("/api/auth/login").Post.RequestBody.Value.Content
	form := login["application/x-www-form-urlencoded"]
	if login["application/json"] == nil || form == nil || form.Schema.Value.Properties["username"] == nil ||
		form.Schema.Value.Properties["password"] == nil {
		t.Errorf("the sign-in accepts %v", login)
	}
	upload := document.Paths.Value("/api/videos/upload").Post.RequestBody.Value.Content["multipart/form-data"]
	if upload == nil || upload.Schema.Value.Properties["file"] == nil ||
		upload.Schema.Value.Properties["video_file"] == nil {
		t.Errorf("the upload accepts %v", upload)
	}
}
