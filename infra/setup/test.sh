#!/usr/bin/env bash
# Runs a command (the test suite) in surroundings of its own: none of the application's settings that the caller's shell
# may hold, so that no test reaches a real database or bucket, and a temp folder that is gone when the command ends.
set -euo pipefail

[[ $# -gt 0 ]] || { echo "usage: test.sh COMMAND [ARGUMENT...]" >&2; exit 2; }

settings='^(DATABASE_URL|DATA_DIR|QUEUE_|REDIS_|SQS_|STORAGE_|AWS_|S3_|SECRET_KEY|ACCESS_TOKEN_|HTTP_ADDR|PUBLIC_URL|TRUSTED_|CORS_|MAX_UPLOAD_|MEDIA_|WORKER_|FFMPEG_|VOTING_|LOAD_TEST_|LOG_)'
while read -r name; do
	[[ $name =~ $settings ]] && unset "$name"
done < <(compgen -e)

# Messages of the tools and the zone of printed times do not depend on the machine.
export LC_ALL=C.UTF-8 TZ=UTC

# A data race in a child process that a test then kills would otherwise go unseen.
export GORACE="halt_on_error=1 ${GORACE:-}"

# Short, because a Unix socket's path may have no more than 107 bytes.
room=$(mktemp -d /tmp/showcase.XXXXXX)
export TMPDIR=$room

child=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	trap '' INT TERM
	if [[ -n $child ]]; then
		kill -TERM -- "-$child" 2>/dev/null || true
		wait "$child" || true
	fi
	# A test may have made a folder read-only.
	chmod -R u+w "$room" 2>/dev/null || true
	rm -rf "$room"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A process group of its own, so that an interrupt ends the tests' children too; in the background, because bash runs no
# trap while it waits for a command in the foreground.
set -m
"$@" </dev/null &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
