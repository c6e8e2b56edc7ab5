package aws_test

import (
	"encoding/json"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"risingstars/infra/aws/cfntest"
)

// Everyone who may describe the stack can read its parameters' values, and everyone who may describe the task
// definition can read its plain variables.
func TestSecretsAreNeitherParametersNorPlainVariables(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	suspicious := regexp.MustCompile(`(?i)(password|secret|credential|private.?key|access.?key)`)
	for file, text := range files {
		names, err := cfntest.Parameters(files, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if suspicious.MatchString(name) && !strings.HasSuffix(name, "Arn") {
				t.Errorf("%s: the parameter %s seems to be a secret", file, name)
			}
		}
		if strings.Contains(string(text), "NoEcho") {
			t.Errorf("%s: NoEcho: a parameter is a secret; let Secrets Manager generate it", file)
		}
		outputs := string(text[strings.Index(string(text), "\nOutputs:"):])
		if strings.Contains(outputs, "{{resolve:") {
			t.Errorf("%s: an output contains a secret", file)
		}
	}
	containers, err := cfntest.Containers(files)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"DATABASE_URL", "DATABASE_APP_URL", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "SMTP_URL"}
	for _, c := range containers {
		for _, v := range c.Variables {
			if v.Secret != slices.Contains(secrets, v.Name) {
				t.Errorf("%s: %s is a secret: %t", c.File, v.Name, v.Secret)
			}
			if strings.Contains(v.Value, "{{resolve:") {
				t.Errorf("%s: %s is a secret that would be readable in the task definition", c.File, v.Name)
			}
		}
	}
}

// everywhere are the actions that do not support resources, or whose resource does not exist yet.
var everywhere = []string{
	"ecr:GetAuthorizationToken", "cloudformation:GetTemplateSummary",
	"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
	"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
}

func TestRolesAreNarrow(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	statements, err := cfntest.Statements(files)
	if err != nil {
		t.Fatal(err)
	}
	action := regexp.MustCompile(`^[a-z0-9-]+:[A-Z][A-Za-z]+$`)
	roles := map[string]bool{}
	for _, s := range statements {
		roles[s.File+" "+s.Role] = true
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Actions) == 0 || len(s.Resources) == 0 {
			t.Errorf("%s:%d: %s has a statement without effect, actions or resources", s.File, s.Line, s.Role)
		}
		if s.Effect == "Deny" || s.Role == "TaskBoundary" {
			continue
		}
		for _, a := range s.Actions {
			if !action.MatchString(a) {
				t.Errorf("%s:%d: %s is allowed %s, which is not a single action", s.File, s.Line, s.Role, a)
			}
			if slices.Contains(s.Resources, "*") && !slices.Contains(everywhere, a) {
				t.Errorf("%s:%d: %s is allowed %s on every resource", s.File, s.Line, s.Role, a)
			}
		}
	}
	for _, role := range []string{
		"cluster.yaml ExecutionRole", "serve.yaml TaskRole", "work.yaml TaskRole", "base.yaml DeployRole",
	} {
		if !roles[role] {
			t.Errorf("no statements of %s were checked", role)
		}
	}
	// The tasks of serve accept uploads and enqueue jobs; they neither write renditions nor receive jobs.
	for _, s := range statements {
		if s.File != "serve.yaml" {
			continue
		}
		for _, resource := range s.Resources {
			if strings.Contains(resource, "/processed/") && slices.Contains(s.Actions, "s3:PutObject") {
				t.Error("serve may write renditions")
			}
		}
		if slices.Contains(s.Actions, "sqs:ReceiveMessage") {
			t.Error("serve may receive jobs")
		}
	}
}

// A role cannot do what its boundary does not allow, even if its own policies do, and CloudFormation cannot create a
// role without the boundary.
func TestRolesAreWithinTheirBoundary(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	statements, err := cfntest.Statements(files)
	if err != nil {
		t.Fatal(err)
	}
	var boundary []string
	for _, s := range statements {
		if s.Role != "TaskBoundary" || s.Effect != "Allow" {
			continue
		}
		boundary = append(boundary, s.Actions...)
		for _, resource := range s.Resources {
			named := strings.Contains(resource, ":showcase") || strings.Contains(resource, "/showcase") ||
				resource == "<Repository.Arn>" || strings.HasSuffix(resource, ":secret:*") // of which a tag selects
			for _, a := range s.Actions {
				if !named && !slices.Contains(everywhere, a) {
					t.Errorf("%s:%d: the boundary allows %s on %s, which others may own", s.File, s.Line, a, resource)
				}
			}
		}
	}
	needed := map[string]bool{}
	for _, s := range statements {
		if s.File == "base.yaml" {
			continue
		}
		for _, action := range s.Actions {
			needed[action] = true
			if !slices.Contains(boundary, action) {
				t.Errorf("%s:%d: the boundary of %s does not allow %s", s.File, s.Line, s.Role, action)
			}
		}
	}
	for _, action := range boundary {
		if !needed[action] {
			t.Errorf("the boundary allows %s, which no role needs", action)
		}
	}
	for file, text := range files {
		const role = "Type: AWS::IAM::Role\n"
		const boundedRole = role + "    Properties:\n      PermissionsBoundary: !Ref TaskBoundaryArn\n"
		roles, bounded := strings.Count(string(text), role), strings.Count(string(text), boundedRole)
		if file != "base.yaml" && roles != bounded {
			t.Errorf("%s: %d roles, %d of them with the boundary", file, roles, bounded)
		}
	}
}

// Otherwise a missing comma would only be noticed when the stack is created.
func TestJSONTextsAreValid(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	for _, where := range [][]string{
		{"alarms.yaml", "Dashboard", "DashboardBody"},
		{"base.yaml", "Repository", "LifecyclePolicy", "LifecyclePolicyText"},
		{"database.yaml", "Password", "GenerateSecretString", "SecretStringTemplate"},
		{"database.yaml", "AppPassword", "GenerateSecretString", "SecretStringTemplate"},
	} {
		text, err := cfntest.Text(files, where[0], where[1], where[2:]...)
		if err != nil {
			t.Error(err)
		} else if !json.Valid([]byte(text)) {
			t.Errorf("%v is not JSON:\n%s", where, text)
		}
	}
}

// The URLs are assembled from parts that only the account knows, in the form that the application reads. The services'
// user is not the owner of the tables, and the certificate that the server shows must be RDS's for this very name.
func TestDatabaseURLsVerifyTheServer(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	for resource, credentials := range map[string]string{
		"OwnerUrl": "showcase:{{resolve:secretsmanager:<Password>:SecretString:password}}",
		"AppUrl":   "app:{{resolve:secretsmanager:<AppPassword>:SecretString:password}}",
	} {
		url, err := cfntest.Text(files, "database.yaml", resource, "SecretString")
		if err != nil {
			t.Fatal(err)
		}
		want := "postgresql://" + credentials + "@<Database.Endpoint.Address>:<Database.Endpoint.Port>/showcase" +
			"?sslmode=verify-full&sslrootcert=" + certificates
		if url != want {
			t.Errorf("%s: got %q, want %q", resource, url, want)
		}
	}
	stacks := string(files["showcase.yaml"])
	if n := strings.Count(stacks, " DatabaseUrlArn: !GetAtt Database.Outputs.AppUrlArn\n"); n != 2 {
		t.Errorf("%d services use the app's URL, not 2", n)
	}
	if n := strings.Count(stacks, "Database.Outputs.OwnerUrlArn"); n != 1 {
		t.Errorf("%d stacks use the owner's URL, not 1", n)
	}
}

// certificates is the file in the image that has RDS's own certificates, which no system trusts by itself.
const certificates = "/usr/local/share/rds/global-bundle.pem"

// The image that deploy.sh builds has the certificates that the URLs name.
func TestImageHasTheCertificatesOfTheDatabase(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("deploy.sh")
	if err != nil {
		t.Fatal(err)
	}
	folder, name := path.Split(certificates)
	if !strings.Contains(string(dockerfile), "COPY --from=rds /rds/ "+folder) ||
		!strings.Contains(string(script), `--build-context "rds=`) || !strings.Contains(string(script), "rds/"+name) {
		t.Errorf("the image lacks %s", certificates)
	}
}

// The newest minute of a metric arrives late. Filled with 0, it would always look like an empty queue, or like no
// tasks.
func TestScalingDoesNotFillGapsWithZero(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	expression := regexp.MustCompile(`Expression: (.*)`).FindSubmatch(files["work.yaml"])
	if expression == nil {
		t.Fatal("work.yaml has no expression")
	}
	if regexp.MustCompile(`FILL\([^)]*, *\d`).Match(expression[1]) {
		t.Errorf("the scaling uses %s", expression[1])
	}
}

// Fargate supports certain sizes only (ECS Developer Guide, "Task CPU and memory"), and refuses others when a task
// starts.
func TestSizesExistOnFargate(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	gib := map[string][2]float64{"256": {0.5, 2}, "512": {1, 4}, "1024": {2, 8}, "2048": {4, 16}, "4096": {8, 30}}
	size := regexp.MustCompile(`Cpu: "(\d+)",? *\n? *Memory: "(\d+)"`)
	count := 0
	for file, text := range files {
		for _, match := range size.FindAllStringSubmatch(string(text), -1) {
			count++
			memory, err := strconv.ParseFloat(match[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			if between, ok := gib[match[1]]; !ok || memory/1024 < between[0] || memory/1024 > between[1] {
				t.Errorf("%s: %s CPU units with %s MiB", file, match[1], match[2])
			}
		}
	}
	if count != 8 {
		t.Errorf("%d sizes were checked, not 8", count)
	}
}
