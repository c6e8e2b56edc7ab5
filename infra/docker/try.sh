#!/usr/bin/env bash
# Verifies Dockerfile and compose.yaml on a real Docker engine, on a machine that reaches Debian's packages and Go
# modules but no image registry: it starts an engine of its own, builds stand-ins for the base images, and runs the
# whole stage, the main job, stops and restarts. README.md lists what it verifies. It needs root, 15 minutes on two
# cores and 5 GB of disk. When it ends, for whatever reason, it removes everything except the tools that it built in
# TRY_TOOLS (/var/tmp/showcase-try).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=${TRY_TOOLS:-/var/tmp/showcase-try}
room=$tools/room
export VERSION=0.0.1-try
secrets=(POSTGRES_PASSWORD POSTGRES_APP_PASSWORD REDIS_PASSWORD SECRET_KEY) # settings without a default
# The caller's settings must not reach this run.
while read -r name; do
	[[ $name == VERSION ]] || unset "$name"
done < <(sed -En 's/^#?([A-Z0-9_]+)=.*/\1/p' "$root/.env.example")

# shellcheck disable=SC1090 # shellcheck reads each file separately
for part in engine standins calls checks; do . "$here/$part.sh"; done

say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }
# logged NAME COMMAND... shows the end of the command's output only if it fails.
logged() {
	local log=$room/$1.log
	shift
	# It runs in the background, because a function to the left of || would continue after a failure.
	"$@" >"$log" 2>&1 &
	wait $! || { tail -n 40 "$log" >&2; fail "$*"; }
}

[[ $EUID -eq 0 ]] || { echo "try: a Docker engine needs root" >&2; exit 1; }
PATH=$PATH:/usr/sbin:/sbin:/usr/local/go/bin
command -v go >/dev/null || { echo "try: Go is missing" >&2; exit 1; }
mkdir -p "$tools"
exec 9>"$tools/lock"
flock -n 9 || { echo "try: another run is in progress" >&2; exit 1; }

# install_packages installs what is missing; remove_packages removes what that has installed.
packages=(
	docker.io:dockerd debootstrap:debootstrap jq:jq curl:curl openssl:openssl iproute2:ip iptables:iptables
	util-linux:nsenter
)
apt=(env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300) # RUNLEVEL=1 starts no server
install_packages() {
	local pair missing=()
	for pair in "${packages[@]}"; do
		command -v "${pair#*:}" >/dev/null || missing+=("${pair%:*}")
	done
	((${#missing[@]})) || return 0
	say "installing ${missing[*]}"
	getent group docker >/dev/null || touch "$tools/group" # docker.io creates it, and leaves it behind
	"${apt[@]}" update >/dev/null 2>&1 || true # old package lists may be good enough
	"${apt[@]}" install --simulate --no-install-recommends "${missing[@]}" |
		awk '/^Inst/ && !/^Inst [^ ]+ \[/ { print $2 }' >"$tools/packages"
	logged install "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
}
remove_packages() {
	[[ -s $tools/packages ]] || return 0
	xargs "${apt[@]}" purge -y <"$tools/packages" >/dev/null 2>&1 ||
		echo "try: could not remove: $(xargs <"$tools/packages")" >&2
	[[ ! -f $tools/group ]] || groupdel docker
	rm -f "$tools/packages" "$tools/group"
}

# build_tool NAME MODULE VERSION PACKAGE builds it inside its own module, because `go install` refuses a module that
# excludes versions of others.
build_tool() {
	local target=$tools/$1-$3 source stamps
	if [[ ! -x $target ]]; then
		say "building $1 $3 (once, some minutes)"
		source=$(go mod download -json "$2@$3" | jq -r .Dir)
		stamps="-X github.com/docker/compose/v2/internal.Version=$3 -X github.com/docker/buildx/version.Version=$3"
		logged "$1" env -C "$source" CGO_ENABLED=0 nice -n 19 go build -trimpath -buildvcs=false \
			-ldflags "-s -w $stamps" -o "$target.new" "$4"
		mv "$target.new" "$target"
	fi
	ln -sf "$target" "$room/config/cli-plugins/$1"
}

build_tools() {
	export DOCKER_CONFIG=$room/config
	mkdir -p "$DOCKER_CONFIG/cli-plugins"
	build_tool docker-buildx github.com/docker/buildx v0.29.1 ./cmd/buildx
	build_tool docker-compose github.com/docker/compose/v2 v2.40.3 ./cmd
	# BuildKit checks Dockerfiles only in versions newer than the engine's own.
	build_tool dockerfile-frontend github.com/moby/buildkit v0.26.2 ./frontend/dockerfile/cmd/dockerfile-frontend
}

# lint FOLDER runs BuildKit's checks on the Dockerfile there, and fails on a warning.
lint() { docker build --check --build-arg BUILDKIT_SYNTAX=docker/dockerfile:try "$1"; }
check_dockerfile() {
	mkdir "$room/frontend" "$room/bad"
	cp "$room/config/cli-plugins/dockerfile-frontend" "$room/frontend/"
	cat >"$room/frontend/Dockerfile" <<-'DOCKERFILE'
		FROM scratch
		COPY dockerfile-frontend /
		ARG CAPS=moby.buildkit.frontend
		LABEL moby.buildkit.frontend.network.none="true" \
		      moby.buildkit.frontend.caps="$CAPS.inputs,$CAPS.subrequests,$CAPS.contexts"
		ENTRYPOINT ["/dockerfile-frontend"]
	DOCKERFILE
	logged frontend docker build --tag docker/dockerfile:try "$room/frontend"
	printf 'FROM %s as x\nFROM x\nCMD echo\n' "$(wanted debian)" >"$room/bad/Dockerfile"
	refused "a bad Dockerfile" lint "$room/bad"
	grep -q FromAsCasing "$room/refused" || { fail "refused for another reason: $(<"$room/refused")"; return; }
	logged check lint "$root"
	ok "BuildKit has no warning about the Dockerfile"
}

steps() {
	local secret put=
	mkdir "$room"
	install_packages
	build_tools
	say "starting the engine"
	start_engine
	say "building the base images"
	logged standins make_standins
	check_dockerfile

	for secret in "${secrets[@]}"; do
		put+="s/^$secret=.*/$secret=$(openssl rand -hex 32)/; "
	done
	sed "$put" "$root/.env.example" >"$room/env"
	# No stand-ins are made for what only watches.
	echo 'services: {prometheus: {profiles: [watch]}, grafana: {profiles: [watch]}}' >"$room/without.yaml"
	export COMPOSE_FILE="$root/compose.yaml:$room/without.yaml"
	check_settings
	say "docker compose up -d --build --wait"
	logged up nice -n 19 docker compose --project-directory "$root" --env-file "$room/env" --progress plain \
		up -d --build --wait
	ok "the stage is up"
	check_image
	check_start
	check_confined
	check_job
	check_health
	check_scale
	check_restart
	check_stop

	say "building for arm64"
	logged arm64 nice -n 19 docker build --platform linux/arm64 --target build --tag showcase-arm64 "$root"
	same "machine type in the arm64 binary's ELF header" \
		"$(docker run --rm --platform linux/arm64 showcase-arm64 od -An -tx2 -j18 -N2 /out/app | xargs)" 00b7
}

child=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	local status=$?
	trap '' INT TERM
	if [[ -n $child ]]; then
		kill -TERM -- "-$child" 2>/dev/null || true
		wait "$child" 2>/dev/null || true
	fi
	stop_engine
	rm -rf --one-file-system "$room"
	remove_packages
	exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A run that was killed has left these behind.
stop_engine
rm -rf --one-file-system "$room"
remove_packages

# The steps get a process group of their own, so that an interrupt also ends their children. They run in the background,
# because bash runs no trap while it waits for a command in the foreground.
set -m
(
	trap - EXIT INT TERM
	steps
	summary
) </dev/null &
child=$!
set +m
wait "$child" || {
	status=$?
	if [[ -S $room/docker.sock ]]; then
		export DOCKER_HOST=unix://$room/docker.sock DOCKER_CONFIG=$room/config
		compose ps --all || true
		compose logs --tail 15 || true
	fi >&2
	exit "$status"
}
