#!/usr/bin/env bash
# Sourced by try.sh: checks on the running stage what Dockerfile and compose.yaml promise, with the functions of
# calls.sh.
: "${root:?}" "${room:?}" "${VERSION:?}" "${image:?}" "${site:?}" "${secrets:?}"

check_settings() {
	local name
	# Optional settings are commented out (#NAME=default); the last part of the file is not for compose.yaml.
	sed '/^# Outside docker compose only/,$d' "$root/.env.example" |
		sed -En 's/^#?([A-Z0-9_]+)=.*/\1/p' | sort >"$room/documented"
	grep -oE '[$][{][A-Z0-9_]+' "$root/compose.yaml" | cut -c 3- | sort -u |
		grep -vx AUTH_RATE_LIMIT >"$room/read" # the older name of RATE_LIMITS
	same "variables that differ between compose.yaml and .env.example" \
		"$(comm -3 "$room/documented" "$room/read" | listed)" none
	same "variables without a comment above in .env.example" \
		"$(awk '/^#?[A-Z0-9_]+=/ && before !~ /^# / { print } { before = $0 }' "$root/.env.example" | listed)" none
	for name in "${secrets[@]}"; do
		grep -v "^$name=" "$room/env" >"$room/env.less"
		refused "compose without $name" \
			env -u "$name" docker compose --project-directory "$root" --env-file "$room/env.less" config
	done
}

check_image() {
	same "user of the image" \
		"$(docker run --rm --entrypoint id "$image")" "uid=10001(app) gid=10001(app) groups=10001(app)"
	same "version in the image" "$(docker run --rm "$image" version)" "$VERSION"
	same "label of the version" \
		"$(docker inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}}' "$image")" "$VERSION"
	same "default command" \
		"$(docker inspect --format '{{.Config.Entrypoint}} {{.Config.Cmd}}' "$image")" "[app] [serve]"
	refused "serve with a wrong DATABASE_URL and no other setting" docker run --rm -e DATABASE_URL=mysql://x "$image"
	local mib layers
	mib=$(($(docker inspect --format '{{.Size}}' "$image") >> 20))
	layers=$(docker inspect --format '{{len .RootFS.Layers}}' "$image")
	echo "      the image has $mib MiB in $layers layers"
}

check_start() {
	local service
	for service in db redis api worker nginx; do
		same "health of $service" "$(field "$service" '{{.State.Health.Status}}')" healthy
	done
	same "migrate: status, exit code, restarts" \
		"$(field migrate '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}')" "exited 0 0"
	for service in api worker; do
		if (($(stamp "$service" StartedAt) > $(stamp migrate FinishedAt))); then
			ok "$service waited for migrate"
		else
			fail "$service did not wait for migrate"
		fi
	done
}
# stamp SERVICE FIELD prints a point in time in nanoseconds.
stamp() { date -d "$(field "$1" "{{.State.$2}}")" +%s%N; }

# What processes may do to the kernel and to their container's files.
confinement() { compose exec -T "$1" grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/1/status | awk '{ print $2 }' | xargs; }
check_confined() {
	local service writable='find / -path /proc -prune -o -type d -writable -print 2>/dev/null |
		sed -E "s,^(/data|/tmp|/dev)(/.*)?$,\1," | sort -u | xargs'
	for service in api worker; do
		same "$service: user, capabilities, no new privileges" \
			"$(confinement "$service")" "10001 0000000000000000 1"
		same "$service: writable folders" "$(compose exec -T "$service" sh -c "$writable")" "/data /dev /tmp"
		refused "$service: a file in /" compose exec -T "$service" touch /x
	done
	# usage, files, system calls, network: none may be missing.
	same "worker: walls around ffmpeg that stand" \
		"$(compose exec -T worker app doctor | grep -c '^ok *box: ' || true)" 4
	same "nginx: user, capabilities, no new privileges" \
		"$(confinement nginx)" "101 0000000000000000 1"
	same "redis: user, capabilities, no new privileges" \
		"$(confinement redis)" "999 0000000000000000 1"
	refused "redis without its password" compose exec -T -e REDISCLI_AUTH= redis sh -c 'redis-cli ping | grep PONG'
	# shellcheck disable=SC2016 # expanded in the container
	refused "the password in redis's list of processes" \
		compose exec -T redis sh -c 'cat /proc/1/cmdline | tr "\0" " " | grep -F "$REDISCLI_AUTH"'
	same "published ports" "$(compose ps --format '{{range .Publishers}}{{.PublishedPort}} {{end}}' |
		tr ' ' '\n' | grep -vx 0 | sort -u | listed)" 8080
	refused "a table of the app's user" compose exec -T -e "PGPASSWORD=$(sed -n 's/^POSTGRES_APP_PASSWORD=//p' "$room/env")" \
		db psql -h 127.0.0.1 -U app -d showcase -c 'CREATE TABLE mine (n INT)'
	same "ways out of the worker's network" \
		"$(compose exec -T worker grep -E '^[a-z0-9]+[[:space:]]00000000' /proc/net/route | listed)" none
	refused "nginx: a file among the clips" compose exec -T nginx touch /data/files/x
}

# The main job, by the calls of the API. It sets $ana (a token), $video (an id) and $played (the clip's address).
check_job() {
	local beto
	clip 8 720 "$room/clip.mp4"
	ana=$(sign_up ana)
	beto=$(sign_up beto)
	video=$(upload "$ana" "$room/clip.mp4")
	await "$ana" "$video" processed >"$room/video"
	played=$(jq -r .processed_url "$room/video")
	same "address of the clip" "${played%/*}" "$site/media/processed"
	played=${played#"$site"}
	call 200 GET "$played" >"$room/whole.mp4"
	ok "uploaded, processed, played: $(stat -c %s "$room/whole.mp4") bytes, $(jq -r .duration_seconds "$room/video") s"

	# shellcheck disable=SC2016 # expanded in the container
	compose exec -T api sh -c 'kill -STOP $(pidof app)'
	call 206 GET "$played" -H 'Range: bytes=100-199' >"$room/range"
	# shellcheck disable=SC2016
	compose exec -T api sh -c 'kill -CONT $(pidof app)'
	cmp "$room/range" <(tail -c +101 "$room/whole.mp4" | head -c 100) || {
		fail "the range differs"
		return
	}
	same "a range of the clip, from nginx while the api is stopped" \
		"$(grep -i '^content-range' "$room/head" | tr -d '\r')" \
		"Content-Range: bytes 100-199/$(stat -c %s "$room/whole.mp4")"
	call 200 GET "$(jq -r '.original_url' "$room/video" | sed "s,^$site,,")" >"$room/original"
	cmp "$room/clip.mp4" "$room/original" && ok "the signed link returns the original"

	same "votes after a vote" "$(call 200 POST "/api/public/videos/$video/vote" -H "$(as "$beto")" | jq .total_votes)" 1
	same "a second vote" \
		"$(call 400 POST "/api/public/videos/$video/vote" -H "$(as "$beto")" | jq -r .code)" already_voted
	check_ranking
}
check_ranking() {
	same "ranking of the city" \
		"$(call 200 GET '/api/public/rankings?city=bogota' | jq -c '[.rankings[] | [.position, .votes]]')" "[[1,1]]"
}

check_scale() {
	local n id ids=()
	compose up -d --wait --scale worker=3
	for n in 1 2 3; do
		same "health of worker $n" \
			"$(docker inspect --format '{{.State.Health.Status}}' "$(container worker "$n")")" healthy
	done
	for n in 1 2 3; do
		id=$(upload "$ana" "$room/clip.mp4")
		ids+=("$id")
	done
	for id in "${ids[@]}"; do await "$ana" "$id" processed >/dev/null; done
	ok "three clips are processed with three workers"
}

# A stopped worker becomes unhealthy, and healthy again when it continues.
check_health() {
	local state
	for state in STOP:unhealthy CONT:healthy; do
		compose exec -T worker sh -c "kill -${state%:*} \$(pidof app)"
		await_health worker "${state#*:}"
	done
}
await_health() {
	local began=$SECONDS
	until [[ $(field "$1" '{{.State.Health.Status}}') == "$2" ]]; do
		((SECONDS - began < 120)) || { fail "$1 does not become $2"; return; }
		sleep 0.5
	done
	ok "$1 is $2 after $((SECONDS - began)) s"
}

# await_site waits until the site responds, and prints how many seconds that took.
await_site() {
	local began=$SECONDS
	until inside curl -fsS -o /dev/null --max-time 5 "$site/api/public/rankings" 2>/dev/null; do
		((SECONDS - began < 60)) || { fail "the site does not respond"; return; }
		sleep 0.2
	done
	echo $((SECONDS - began))
}

# A process that dies is restarted. nginx finds one that was replaced and has another address, and one that was added.
check_restart() {
	# shellcheck disable=SC2016 # expanded in the container
	compose exec -T api sh -c 'kill -9 $(pidof app)' || true
	ok "the site responds $(await_site) s after kill -9 of the api"
	compose up -d --wait
	same "restarts of api" "$(field api '{{.RestartCount}}')" 1
	compose up -d --wait --force-recreate --no-deps api worker
	ok "the site responds $(await_site) s after the api and the workers were replaced"
	compose up -d --wait --no-recreate --scale api=2
	ok "the site responds $(await_site) s after a second api was added"
	await_both
}
# await_both waits until requests through nginx have reached both processes of the api.
await_both() {
	local n deadline=$((SECONDS + 30))
	for n in 1 2; do
		until docker logs "$(container api "$n")" 2>&1 | grep -q '"path":"/api/public/rankings"'; do
			((SECONDS < deadline)) || { fail "no request reaches api $n"; return; }
			await_site >/dev/null
		done
	done
	ok "requests reach both processes of the api"
}

# exit_codes prints every service's exit code; 137 means that a process had to be killed.
exit_codes() {
	local service id
	for service in api worker nginx redis db; do
		for id in $(compose ps --all --quiet "$service"); do
			docker inspect --format "$service={{.State.ExitCode}}" "$id"
		done
	done | xargs
}

# Stops the stage while a clip is being processed, and again while a client listens to the events of a clip that no
# worker processes, so that the stream would not end by itself. After down and up, the jobs are finished and the data is
# present.
check_stop() {
	local busy waiting listener
	compose up -d --wait --scale api=2 --scale worker=3
	clip 30 1080 "$room/long.mp4"
	busy=$(upload "$ana" "$room/long.mp4")
	await "$ana" "$busy" processing >/dev/null
	stop_all
	same "exit codes" "$(exit_codes)" "api=0 api=0 worker=0 worker=0 worker=0 nginx=0 redis=0 db=0"

	compose up -d --wait --scale worker=0
	waiting=$(upload "$ana" "$room/clip.mp4")
	inside curl -sSN -H "$(as "$ana")" "$site/api/videos/$waiting/events" >"$room/events" 2>/dev/null &
	listener=$!
	until [[ -s $room/events ]]; do
		kill -0 "$listener" 2>/dev/null || { fail "no events"; return; }
		sleep 0.2
	done
	stop_all
	same "exit codes" "$(exit_codes)" "api=0 nginx=0 redis=0 db=0"
	wait "$listener" || true

	compose down
	compose up -d --wait
	ana=$(sign_in ana)
	await "$ana" "$busy" processed >/dev/null
	await "$ana" "$waiting" processed >/dev/null
	ok "clips uploaded before the stops are processed after down and up"
	call 200 GET "$played" | cmp - "$room/whole.mp4"
	ok "the published clip is unchanged"
	check_ranking
	compose down --volumes
	same "volumes after down --volumes" "$(docker volume ls --quiet --filter name=showcase | listed)" none
}
stop_all() {
	local began=$SECONDS
	compose stop
	echo "      stopped in $((SECONDS - began)) s"
}
