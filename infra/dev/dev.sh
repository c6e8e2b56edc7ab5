#!/usr/bin/env bash
# Runs the one-host stage on this machine: nginx on port 8080 (or PORT), two serve and two work processes, on the
# PostgreSQL and the Redis that TEST_POSTGRES_URL and TEST_REDIS_URL name. Run it as `make dev`, which also starts those
# servers. Everything lives in a temporary folder and is removed after Ctrl-C.
set -euo pipefail

: "${TEST_POSTGRES_URL:?run: make dev}" "${TEST_REDIS_URL:?run: make dev}"
app=$(cd "$(dirname "$0")/../.." && pwd)/bin/app
templates=$(cd "$(dirname "$0")/../nginx" && pwd)
port=${PORT:-8080}
first=${FIRST_PORT:-8101}
room=$(mktemp -d "${TMPDIR:-/tmp}/dev.XXXXXX")
chmod 755 "$room"

export DATABASE_URL=$TEST_POSTGRES_URL QUEUE_BACKEND=redis REDIS_URL=$TEST_REDIS_URL DATA_DIR=$room/data
export TRUSTED_PROXIES=127.0.0.0/8 LOG_FORMAT=text ENV_FILE=
SECRET_KEY=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export SECRET_KEY
mkdir -p "$DATA_DIR"

children=()
# shellcheck disable=SC2317 # called by the trap
stop() {
	trap '' INT TERM EXIT
	echo "dev: stopping"
	for child in "${children[@]}"; do kill -TERM "$child" 2>/dev/null || true; done
	wait || true
	rm -rf "$room"
}
trap stop EXIT
trap 'exit 0' INT TERM

"$app" migrate up
upstreams=
# Each child gets a process group of its own, so that it receives one signal, ours: a second one would cut its work off.
set -m
for n in 0 1; do
	HTTP_ADDR=127.0.0.1:$((first + n)) "$app" serve > >(sed -u "s/^/serve $((n + 1)): /") 2>&1 &
	children+=($!)
	upstreams+="server 127.0.0.1:$((first + n)) max_fails=0; "
done
for n in 1 2; do
	"$app" work > >(sed -u "s/^/work $n:  /") 2>&1 &
	children+=($!)
done
set +m

for n in 0 1; do
	until HTTP_ADDR=127.0.0.1:$((first + n)) "$app" healthcheck 2>/dev/null; do
		kill -0 "${children[n]}" 2>/dev/null || exit 1
		sleep 0.2
	done
done

nginx=$room/nginx
mkdir -p "$nginx"
for part in nginx showcase; do
	sed -e "s|\${NGINX_PORT}|$port|; s|\${UPSTREAM_SERVERS}|$upstreams|; s|\${NGINX_ROOM}|$nginx|g" \
		-e "s|\${FILES_ROOT}|$DATA_DIR/files|g; s|\${ACCESS_LOG}|/dev/null|; s|\${REAL_IP_FROM}|unix:|" \
		-e "s|\${PUBLIC_URL}|${PUBLIC_URL-}|" "$templates/$part.conf.template" >"$nginx/$part.conf"
done
main="daemon off;"
[[ $EUID -ne 0 ]] || main+=" user root;" # the files belong to root
set -m
nginx -p "$nginx" -c "$nginx/nginx.conf" -e stderr -g "$main" &
children+=($!)
set +m
echo "dev: http://localhost:$port (nginx), Ctrl-C stops everything"
wait -n "${children[@]}" || true
echo "dev: one of the processes ended"
exit 1
