package aws_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"risingstars/infra/aws/cfntest"
)

// permission maps a call to the action that it needs, if that has another name.
var permission = map[string]string{
	"s3:CompleteMultipartUpload":       "s3:PutObject",
	"s3:CreateMultipartUpload":         "s3:PutObject",
	"s3:HeadBucket":                    "s3:ListBucket",
	"s3:HeadObject":                    "s3:GetObject",
	"s3:ListObjectsV2":                 "s3:ListBucket",
	"s3:ListParts":                     "s3:ListMultipartUploadParts",
	"s3:UploadPart":                    "s3:PutObject",
	"sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}

// notCalled maps the calls that are never made on AWS to the reason.
var notCalled = map[string]string{
	"sqs:GetQueueUrl": "SQS_DLQ_URL is set",
}

// `deploy.sh run doctor` has the worker's role, and probes the storage with a small object next to the renditions.
func TestWorkRoleAllowsDoctorsProbe(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	statements, err := cfntest.Statements(files)
	if err != nil {
		t.Fatal(err)
	}
	var allowed []string
	for _, s := range statements {
		for _, resource := range s.Resources {
			if s.File == "work.yaml" && s.Effect == "Allow" && strings.HasSuffix(resource, "/processed/*") {
				allowed = append(allowed, s.Actions...)
			}
		}
	}
	for _, action := range []string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"} {
		if !slices.Contains(allowed, action) {
			t.Errorf("work may not %s under processed/", action)
		}
	}
}

func TestWorkRoleAllowsTheDriversCalls(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	statements, err := cfntest.Statements(files)
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	for _, s := range statements {
		if s.File == "work.yaml" {
			for _, action := range s.Actions {
				allowed[action] = true
			}
		}
	}
	input := regexp.MustCompile(`&(s3|sqs)\.(\w+)Input\{`)
	for _, driver := range []string{"storage/s3store", "queue/sqsqueue"} {
		sources, err := filepath.Glob("../../platform/" + driver + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, source := range sources {
			if strings.HasSuffix(source, "_test.go") {
				continue
			}
			text, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range input.FindAllStringSubmatch(string(text), -1) {
				count++
				call := match[1] + ":" + match[2]
				action := call
				if other, ok := permission[call]; ok {
					action = other
				}
				if !allowed[action] && notCalled[call] == "" {
					t.Errorf("%s calls %s, and no statement allows %s", source, call, action)
				}
			}
		}
		if count < 5 {
			t.Errorf("only %d calls were found in %s", count, driver)
		}
	}
}
