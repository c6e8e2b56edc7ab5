package aws_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// cli stands in for the AWS CLI, docker and curl, which need an account or the network. It records its arguments, and
// environment variables control its answers. A stack exists if there is a file of its name, and its services if there
// is a file "services".
const cli = `#!/usr/bin/env bash
echo "${0##*/} $*" >>"$ROOM/calls"
stack() { [[ $* =~ --stack-name\ ([a-z-]+) ]] && echo "${BASH_REMATCH[1]}"; }
case "${0##*/} $1 $2" in
"aws cloudformation describe-stacks")
	[[ -e $ROOM/$(stack "$@") ]] || exit 254
	case "$*" in
	*Parameters*) echo "ImageTag MigrateImageTag WorkerMax" ;;
	*WorkTaskDefinition*) [[ -e $ROOM/services ]] && echo the-WorkTaskDefinition || echo None ;;
	*OutputKey==*) [[ $* =~ OutputKey==\'([A-Za-z]+)\' ]] && echo "the-${BASH_REMATCH[1]}" ;;
	esac ;;
"aws cloudformation deploy") touch "$ROOM/$(stack "$@")" ;;
"aws cloudformation update-stack") [[ -z ${UPDATE_SAYS-} ]] || { echo "$UPDATE_SAYS" >&2; exit 254; } ;;
"aws cloudformation describe-stack-events")
	case "$(stack "$@")" in
	showcase) printf 'Work\tAWS::CloudFormation::Stack\tEmbedded stack was not updated\tarn:aws:nested-work\n' ;;
	arn) printf 'Service\tAWS::ECS::Service\tECS Deployment Circuit Breaker was triggered\t\n' ;;
	esac ;;
"aws cloudformation wait") [[ -z ${WAIT_FAILS-} ]] ;;
"aws ecr describe-images") [[ $* == *imageTag=v[12]\ * || $* == *imageTag=v[12] ]] ;;
"aws ecs run-task") echo arn:aws:ecs:us-east-1:123456789012:task/showcase/0123abcd ;;
"aws ecs describe-tasks")
	case "$*" in
	*exitCode*) echo "${EXIT_CODE:-0}" ;;
	*) echo "Essential container in task exited" ;;
	esac ;;
"curl -fsS --proto") echo "${FETCHED:------BEGIN CERTIFICATE-----}" >"$7" ;;
"aws logs get-log-events") echo "applied  media  0001_media.sql" ;;
esac
`

// deploy runs the script and returns the calls that change something, in order, one line each.
func deploy(
	t *testing.T, room string, environment []string, args ...string,
) (calls []string, output string, err error) {
	t.Helper()
	for _, program := range []string{"aws", "docker", "curl"} {
		// A child of another test must not inherit the open file: a program that is open for writing cannot be run.
		syscall.ForkLock.RLock()
		err := os.WriteFile(filepath.Join(room, program), []byte(cli), 0o755)
		syscall.ForkLock.RUnlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "./deploy.sh", args...)
	cmd.Env = append(os.Environ(), "ROOM="+room, "TMPDIR="+room, "NAME=", "PATH="+room+":"+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, environment...)
	text, err := cmd.CombinedOutput()
	record, readErr := os.ReadFile(filepath.Join(room, "calls"))
	if readErr != nil && !os.IsNotExist(readErr) {
		t.Fatal(readErr)
	}
	for call := range strings.Lines(string(record)) {
		for _, changes := range []string{"deploy", "update-stack", "run-task", "buildx"} {
			if strings.Contains(call, " "+changes+" ") {
				calls = append(calls, strings.TrimSpace(call))
			}
		}
	}
	return calls, string(text), err
}

// wantCalls checks that each call contains the words before the bar, and none of those after it.
func wantCalls(t *testing.T, calls []string, want ...string) {
	t.Helper()
	if len(calls) != len(want) {
		t.Fatalf("%d calls, want %d:\n%s", len(calls), len(want), strings.Join(calls, "\n"))
	}
	for i, words := range want {
		present, absent, _ := strings.Cut(words, " | ")
		for word := range strings.FieldsSeq(present) {
			if !strings.Contains(calls[i]+" ", word+" ") {
				t.Errorf("call %d lacks %s:\n%s", i+1, word, calls[i])
			}
		}
		for word := range strings.FieldsSeq(absent) {
			if strings.Contains(calls[i], word) {
				t.Errorf("call %d has %s:\n%s", i+1, word, calls[i])
			}
		}
	}
}

// existing creates a folder in which the given stacks exist, and services if they are among the names.
func existing(t *testing.T, stacks ...string) (room string) {
	t.Helper()
	room = t.TempDir()
	for _, stack := range stacks {
		if err := os.WriteFile(filepath.Join(room, stack), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return room
}

// running creates a folder with a stack that has had its first release.
func running(t *testing.T) (room string) {
	t.Helper()
	return existing(t, "showcase-base", "showcase", "services")
}

func TestFirstReleaseMigratesBeforeItCreatesServices(t *testing.T) {
	t.Parallel()
	for name, room := range map[string]string{
		"in an empty account":         existing(t, "showcase-base"),
		"after an unfinished release": existing(t, "showcase-base", "showcase"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkFirstRelease(t, room)
		})
	}
}

func checkFirstRelease(t *testing.T, room string) {
	t.Helper()
	calls, output, err := deploy(t, room, nil, "release", "v2", "WorkerMax=2")
	if err != nil {
		t.Fatal(output)
	}
	wantCalls(t, calls,
		"deploy Base=showcase-base MigrateImageTag=v2 WorkerMax=2 --disable-rollback",
		"run-task the-MigrateTaskDefinition",
		"deploy ImageTag=v2 MigrateImageTag=v2 WorkerMax=2 | --disable-rollback")
	if strings.Contains(calls[0], " ImageTag=") {
		t.Errorf("the first call creates the services: %s", calls[0])
	}
	if !strings.Contains(calls[1], `"command": ["migrate","up"]`) || !strings.Contains(output, "0001_media.sql") {
		t.Errorf("the migration ran %s and printed:\n%s", calls[1], output)
	}
}

func TestReleaseMigratesBeforeItRolls(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"another tag":  "",
		"the same tag": "An error occurred (ValidationError): No updates are to be performed.",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, output, err := deploy(t, running(t), []string{"UPDATE_SAYS=" + says}, "release", "v2")
			if err != nil {
				t.Fatal(output)
			}
			wantCalls(t, calls,
				"update-stack --use-previous-template ParameterKey=MigrateImageTag,ParameterValue=v2 "+
					"ParameterKey=ImageTag,UsePreviousValue=true ParameterKey=WorkerMax,UsePreviousValue=true",
				"run-task", "deploy ImageTag=v2")
		})
	}
}

func TestNothingRollsIfTheMigrationFails(t *testing.T) {
	t.Parallel()
	for name, environment := range map[string][]string{
		"exit code 1":               {"EXIT_CODE=1"},
		"the task never started":    {"EXIT_CODE=None"},
		"the stack refuses the tag": {"UPDATE_SAYS=An error occurred (AccessDenied)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, output, err := deploy(t, running(t), environment, "release", "v2")
			if err == nil {
				t.Errorf("no error:\n%s", output)
			}
			for _, call := range calls {
				if strings.Contains(call, " deploy ") {
					t.Errorf("it went on: %s", call)
				}
			}
		})
	}
}

func TestRollbackChangesNeitherDatabaseNorTemplates(t *testing.T) {
	t.Parallel()
	calls, output, err := deploy(t, running(t), nil, "rollback", "v1")
	if err != nil {
		t.Fatal(output)
	}
	wantCalls(t, calls,
		"update-stack --use-previous-template ParameterKey=ImageTag,ParameterValue=v1 "+
			"ParameterKey=MigrateImageTag,UsePreviousValue=true")
}

func TestFailedChangeIsExplainedByNestedStacks(t *testing.T) {
	t.Parallel()
	_, output, err := deploy(t, running(t), []string{"WAIT_FAILS=yes"}, "rollback", "v1")
	const want = "Work: Embedded stack was not updated\nService: ECS Deployment Circuit Breaker was triggered\n" +
		"deploy.sh: the stack showcase was not changed\n"
	if err == nil || output != want {
		t.Errorf("%v:\n%s", err, output)
	}
}

func TestImageIsBuiltOnce(t *testing.T) {
	t.Parallel()
	calls, output, err := deploy(t, existing(t, "showcase-base"), nil, "image", "v3")
	if err != nil {
		t.Fatal(output)
	}
	wantCalls(t, calls, "docker buildx linux/amd64,linux/arm64 --push --build-context VERSION=3 the-RepositoryUri:v3")
	if calls, output, err = deploy(t, existing(t, "showcase-base"), nil, "image", "v2"); err != nil {
		t.Fatal(output)
	}
	wantCalls(t, calls)
	// An image without RDS's certificates could not connect to the database.
	calls, output, err = deploy(t, existing(t, "showcase-base"), []string{"FETCHED=<html>"}, "image", "v3")
	if err == nil || !strings.Contains(output, "no certificates") {
		t.Errorf("%v:\n%s", err, output)
	}
	wantCalls(t, calls)
}

func TestNothingRollsToAMissingImage(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"release", "rollback"} {
		calls, output, err := deploy(t, running(t), nil, command, "v3")
		if err == nil || !strings.Contains(output, "there is no image v3") {
			t.Errorf("%s: %v: %s", command, err, output)
		}
		wantCalls(t, calls)
	}
}

func TestWrongUsageIsExplained(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{},
		{"launch"},
		{"image"},
		{"image", ""},
		{"image", "a", "b"},
		{"release"},
		{"release", ""},
		{"rollback"},
		{"rollback", ""},
		{"run"},
	} {
		calls, output, err := deploy(t, existing(t), nil, args...)
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.ExitCode() != 2 || !strings.Contains(output, "deploy.sh release TAG") {
			t.Errorf("%v: %v: %s", args, err, output)
		}
		wantCalls(t, calls)
	}
}
