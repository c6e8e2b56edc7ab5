#!/usr/bin/env bash
# Runs a command (the test suite) in surroundings of its own: none of the application's settings that the caller's shell
# may hold, so that no test reaches a real database or bucket, and a temp folder that is gone when the command ends.
# With --postgres there is a PostgreSQL server too, as long as the command runs, and TEST_POSTGRES_URL for its superuser;
# a server that this variable names already is used instead. With --redis, the same of Redis and TEST_REDIS_URL.
set -euo pipefail

postgres=
redis=
while [[ ${1-} == --* ]]; do
	case $1 in
	--postgres) postgres=yes ;;
	--redis) redis=yes ;;
	*) break ;;
	esac
	shift
done
[[ $# -gt 0 && $1 != --* ]] || { echo "usage: test.sh [--postgres] [--redis] COMMAND [ARGUMENT...]" >&2; exit 2; }

settings='^(DATABASE_|DATA_DIR|QUEUE_|REDIS_|SQS_|STORAGE_|AWS_|S3_|SECRET_KEY|ACCESS_TOKEN_|HTTP_ADDR|AUTH_|SHUTDOWN_|PUBLIC_URL|TRUSTED_|CORS_|MAX_UPLOAD_|MEDIA_|WORKER_|FFMPEG_|VOTING_|LOAD_TEST_|LOG_)'
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

# as_server COMMAND...: as the user that the server runs as, because PostgreSQL refuses to run as root.
as_server() {
	# From the root folder: the caller's may be closed to that user.
	if [[ $EUID -eq 0 ]]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

pg_bin= # the folder of the server's programs, once it is started
start_postgres() {
	local data=$room/postgres password port
	password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	# Debian keeps them off the PATH, one folder per major version.
	pg_bin=$({ command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'; } | sort -V | tail -n 1) || true
	pg_bin=${pg_bin%/initdb}
	[[ -n $pg_bin ]] || { echo "test.sh: no PostgreSQL here: infra/setup/packages.sh postgres" >&2; exit 1; }

	chmod 711 "$room" # the server's user passes through
	install -d -m 700 "$data"
	echo "$password" >"$data.password"
	if [[ $EUID -eq 0 ]]; then chown postgres "$data" "$data.password"; fi
	as_server "$pg_bin/initdb" -D "$data" -U postgres -A scram-sha-256 --pwfile="$data.password" -E UTF8 --locale=C \
		--no-sync >"$room/initdb.log" 2>&1 || { cat "$room/initdb.log" >&2; exit 1; }
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 10000)) # below the ports that systems hand out by themselves
		# No test survives a power cut, so nothing waits for the disk.
		if as_server "$pg_bin/pg_ctl" -D "$data" -l "$data/server.log" -s -w -o "-p $port -c listen_addresses=127.0.0.1 \
			-c unix_socket_directories=$data -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
			-c max_connections=300" start >/dev/null 2>&1; then
			export TEST_POSTGRES_URL="postgres://postgres:$password@127.0.0.1:$port/postgres?sslmode=disable"
			return
		fi
	done
	cat "$data/server.log" >&2
	exit 1
}

redis_server= # its process, once it is started
start_redis() {
	local data=$room/redis port
	command -v redis-server >/dev/null || { echo "test.sh: no Redis here: infra/setup/packages.sh redis-server" >&2; exit 1; }
	mkdir -m 700 "$data"
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 10000))
		# A process group of its own, so that the terminal's interrupt does not end it before the tests.
		set -m
		# A site of the end-to-end tests has a database of Redis to itself.
		redis-server --port "$port" --bind 127.0.0.1 --dir "$data" --save '' --appendonly no --databases 1024 \
			--maxmemory-policy noeviction >"$data/server.log" 2>&1 </dev/null &
		redis_server=$!
		set +m
		# It says so once it has the port, and exits when somebody else has.
		while kill -0 "$redis_server" 2>/dev/null; do
			if grep -q 'Ready to accept connections' "$data/server.log" 2>/dev/null; then
				export TEST_REDIS_URL="redis://127.0.0.1:$port"
				return
			fi
			sleep 0.05
		done
		redis_server=
	done
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
	if [[ -n $redis_server ]]; then
		kill -TERM "$redis_server" 2>/dev/null || true
		wait "$redis_server" 2>/dev/null || true
	fi
	# A test may have made a folder read-only.
	chmod -R u+w "$room" 2>/dev/null || true
	rm -rf "$room"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [[ -n $postgres && -z ${TEST_POSTGRES_URL-} ]]; then start_postgres; fi
if [[ -n $redis && -z ${TEST_REDIS_URL-} ]]; then start_redis; fi

# A process group of its own, so that an interrupt ends the tests' children too; in the background, because bash runs no
# trap while it waits for a command in the foreground.
set -m
"$@" </dev/null &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
