#!/usr/bin/env bash
# Runs a command (the test suite) in an environment of its own: without the caller's settings of the application, so
# that no test reaches a real database or bucket, and with a temporary folder that is removed when the command ends.
# With --postgres it starts a PostgreSQL server, which runs as long as the command, and sets TEST_POSTGRES_URL to its
# superuser's address; if this variable is already set, it uses that server. With --durable, what it commits survives a
# power cut, as measurements need it. --redis does the same with Redis and
# TEST_REDIS_URL; --s3 with versitygw and TEST_S3_URL (http://ACCESS:SECRET@HOST:PORT); --sqs with fauxqs and
# TEST_SQS_URL (fauxqs accepts any credentials). TEST_S3_SERVER, TEST_SQS_SERVER and TEST_ACME_SERVER (pebble) name the
# programs for tests that start a server of their own.
set -euo pipefail

postgres=
# No test outlives a power cut, so nothing needs to wait for the disk.
durable=off
redis=
s3=
sqs=
while [[ ${1-} == --* ]]; do
	case $1 in
	--postgres) postgres=yes ;;
	--durable) durable=on ;;
	--redis) redis=yes ;;
	--s3) s3=yes ;;
	--sqs) sqs=yes ;;
	*) break ;;
	esac
	shift
done
[[ $# -gt 0 && $1 != --* ]] || { echo "usage: test.sh [--postgres [--durable]] [--redis] [--s3] [--sqs] COMMAND [ARGUMENT...]" >&2; exit 2; }

settings='^(DATABASE_|DATA_DIR|FILES_DIR|WORK_DIR|DISK_|QUEUE_|REDIS_|SQS_|STORAGE_|AWS_|ECS_|S3_|SECRET_KEY|SESSION_|ADMIN_|ACCESS_TOKEN_|ACME_|DOMAIN$|HTTPS?_ADDR|AUTH_|RATE_|SHUTDOWN_|METRICS_|PUBLIC_URL|TRUSTED_|CORS_|MAX_UPLOAD_|UPLOADS_|MEDIA_|WORKER_|FFMPEG_|VOTING_|WEBHOOKS_|SITE_|SMTP_|MAIL_|UPLOAD_|BRANDING_|LOAD_TEST_|LOG_|OTEL_)'
while read -r name; do
	[[ $name =~ $settings ]] && unset "$name"
done < <(compgen -e)

# The tools' messages and the time zone of printed times do not depend on the machine.
export LC_ALL=C.UTF-8 TZ=UTC

# Otherwise a data race in a child process that a test then kills would go unnoticed, and every process would wait for
# a second when it ends.
export GORACE="halt_on_error=1 atexit_sleep_ms=0 ${GORACE:-}"

# A short path, because the path of a Unix socket is limited to 107 bytes.
room=$(mktemp -d /tmp/showcase.XXXXXX)
chmod 711 "$room" # so that the server's user, and those of tests, can pass through
export TMPDIR=$room
# Where tests keep the clips that they have ffmpeg make, so that all packages and stages of one run share them.
export TEST_CLIPS=$room/clips
mkdir "$TEST_CLIPS"

# as_server COMMAND... runs it as the server's user, because PostgreSQL refuses to run as root.
as_server() {
	# In the root folder, because that user may have no access to the caller's.
	if [[ $EUID -eq 0 ]]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

pg_bin= # the folder of the server's programs, once it has started
start_postgres() {
	local data=$room/postgres password port
	password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	# Debian keeps them off the PATH, in one folder per major version.
	pg_bin=$({ command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'; } | sort -V | tail -n 1) || true
	pg_bin=${pg_bin%/initdb}
	[[ -n $pg_bin ]] || { echo "test.sh: no PostgreSQL here: infra/setup/packages.sh postgres" >&2; exit 1; }

	install -d -m 700 "$data"
	echo "$password" >"$data.password"
	if [[ $EUID -eq 0 ]]; then chown postgres "$data" "$data.password"; fi
	as_server "$pg_bin/initdb" -D "$data" -U postgres -A scram-sha-256 --pwfile="$data.password" -E UTF8 --locale=C \
		--no-sync >"$room/initdb.log" 2>&1 || { cat "$room/initdb.log" >&2; exit 1; }
	for _ in 1 2 3 4 5; do
		some_port
		if as_server "$pg_bin/pg_ctl" -D "$data" -l "$data/server.log" -s -w -o "-p $port -c listen_addresses=127.0.0.1 \
			-c unix_socket_directories=$data -c fsync=$durable -c synchronous_commit=$durable \
			-c full_page_writes=$durable \
			-c max_connections=500" start >/dev/null 2>&1; then
			export TEST_POSTGRES_URL="postgres://postgres:$password@127.0.0.1:$port/postgres?sslmode=disable&connect_timeout=60"
			return
		fi
	done
	cat "$data/server.log" >&2
	exit 1
}

# The servers get process groups of their own, so that a terminal's interrupt does not end them before the tests.
servers=()

# in_background LOG COMMAND... starts it and leaves its process id in $!.
in_background() {
	local log=$1
	shift
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	set +m
}

# once SERVER CONDITION... waits until the condition holds, for a minute at most. It fails if the server ends before
# that, as it does when its port is taken.
once() {
	local server=$1 deadline=$((SECONDS + 60))
	shift
	servers+=("$server")
	while kill -0 "$server" 2>/dev/null && ((SECONDS < deadline)); do
		if "$@" 2>/dev/null; then return; fi
		sleep 0.05
	done
	return 1
}

# some_port sets $port to a port on which nothing answers, because another run may have the same servers. It is below
# the range of ports that systems assign by themselves.
some_port() {
	port=$((20000 + RANDOM % 10000))
	while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((20000 + RANDOM % 10000)); done
}

start_redis() {
	local data=$room/redis port
	command -v redis-server >/dev/null || { echo "test.sh: no Redis here: infra/setup/packages.sh redis-server" >&2; exit 1; }
	mkdir -m 700 "$data"
	for _ in 1 2 3 4 5; do
		some_port
		# Each site of the end-to-end tests has a Redis database to itself.
		in_background "$data/server.log" redis-server --port "$port" --bind 127.0.0.1 --dir "$data" --save '' --appendonly no \
			--databases 1024 --maxmemory-policy noeviction
		if once $! grep -q 'Ready to accept connections' "$data/server.log"; then
			export TEST_REDIS_URL="redis://127.0.0.1:$port"
			return
		fi
	done
	cat "$data/server.log" >&2
	exit 1
}

start_s3() {
	local data=$room/s3 access=test secret port
	[[ -x $TEST_S3_SERVER ]] || { echo "test.sh: no S3 server here: make .cache/bin/versitygw" >&2; exit 1; }
	secret=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	mkdir -m 700 "$data" "$data/buckets"
	for _ in 1 2 3 4 5; do
		some_port
		ROOT_ACCESS_KEY=$access ROOT_SECRET_KEY=$secret in_background "$data/server.log" "$TEST_S3_SERVER" --quiet --keep-alive \
			--port "127.0.0.1:$port" --health /health posix "$data/buckets"
		if once $! answers "$port" /health; then
			export TEST_S3_URL="http://$access:$secret@127.0.0.1:$port"
			return
		fi
	done
	cat "$data/server.log" >&2
	exit 1
}

# answers PORT PATH reports whether a request is answered with status 200.
# shellcheck disable=SC2317 # called by once
answers() {
	local line
	exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
	printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&3
	read -r -t 5 line <&3 || true
	exec 3>&-
	[[ $line == *" 200"* ]]
}

start_sqs() {
	local data=$room/sqs
	[[ -d ${TEST_SQS_SERVER%/*}/node_modules ]] || { echo "test.sh: no SQS server here: make .cache/fauxqs/server.mjs" >&2; exit 1; }
	mkdir -m 700 "$data"
	in_background "$data/server.log" node "$TEST_SQS_SERVER"
	if once $! grep -q '^[0-9]\+$' "$data/server.log"; then
		TEST_SQS_URL="http://127.0.0.1:$(grep '^[0-9]\+$' "$data/server.log")"
		export TEST_SQS_URL
		return
	fi
	cat "$data/server.log" >&2
	exit 1
}

child=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	trap '' INT TERM
	if [[ -n $child ]]; then
		kill -TERM -- "-$child" 2>/dev/null || true
		wait "$child" || true
	fi
	if [[ -n $pg_bin ]]; then
		as_server "$pg_bin/pg_ctl" -D "$room/postgres" -s -w -m immediate stop || true
	fi
	for server in ${servers[@]+"${servers[@]}"}; do
		kill -TERM "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	done
	# A test may have left a folder read-only.
	chmod -R u+w "$room" 2>/dev/null || true
	rm -rf "$room"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [[ -n $postgres && -z ${TEST_POSTGRES_URL-} ]]; then start_postgres; fi
if [[ -n $redis && -z ${TEST_REDIS_URL-} ]]; then start_redis; fi
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.cache" 2>/dev/null && pwd) || tools=.cache
export TEST_S3_SERVER=${TEST_S3_SERVER-$tools/bin/versitygw} TEST_SQS_SERVER=${TEST_SQS_SERVER-$tools/fauxqs/server.mjs}
export TEST_ACME_SERVER=${TEST_ACME_SERVER-$tools/bin/pebble}
if [[ -n $s3 && -z ${TEST_S3_URL-} ]]; then start_s3; fi
if [[ -n $sqs && -z ${TEST_SQS_URL-} ]]; then start_sqs; fi

# The command gets a process group of its own, so that an interrupt also ends the tests' children. It runs in the
# background, because bash runs no trap while it waits for a command in the foreground.
set -m
"$@" </dev/null &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
