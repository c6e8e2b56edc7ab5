#!/usr/bin/env bash
# Sourced by try.sh: how the checks report their results, and how they talk to the stage as a client and as an operator.
: "${root:?}" "${room:?}" "${VERSION:?}"

site=http://127.0.0.1:8080
image=rising-stars-showcase:$VERSION

passed=0
ok() {
	passed=$((passed + 1))
	echo "ok    $*"
}
summary() { echo "try: $passed checks passed"; }
fail() {
	echo "FAIL  $*" >&2
	return 1
}
# same WHAT GOT WANT fails unless both values are equal.
same() { if [[ $2 == "$3" ]]; then ok "$1: $2"; else fail "$1: $2, not $3"; fi; }
# listed prints its input on one line.
listed() { xargs | grep . || echo none; }
# refused WHAT COMMAND... fails unless the command fails.
refused() {
	local what=$1
	shift
	if "$@" >"$room/refused" 2>&1; then
		fail "$what was not refused: $(<"$room/refused")"
	else
		ok "$what is refused: $(grep '[a-z]' "$room/refused" | tail -n 1)"
	fi
}

compose() { docker compose --project-directory "$root" --env-file "$room/env" --progress quiet "$@"; }
# container SERVICE [N] prints the id of its first or Nth container, field SERVICE TEMPLATE a field of `docker inspect`.
container() { compose ps --all --quiet --no-trunc "$1" | sed -n "${2:-1}p"; }
field() { docker inspect --format "$2" "$(container "$1")"; }

# call STATUS METHOD PATH [CURL_ARGUMENT...] prints the body of a response, and fails on another status.
call() {
	local want=$1 method=$2 path=$3 status
	shift 3
	status=$(inside curl -sS --max-time 60 -o "$room/body" -D "$room/head" -w '%{http_code}' \
		-X "$method" "$@" "$site$path")
	[[ $status == "$want" ]] || {
		fail "$method $path: $status, not $want: $(head -c 500 "$room/body")"
		return
	}
	cat "$room/body"
}
as() { printf 'Authorization: Bearer %s' "$1"; }

# clip SECONDS HEIGHT FILE generates a clip with the image's own ffmpeg.
clip() {
	docker run --rm --entrypoint sh "$image" -c "ffmpeg -v error -f lavfi -i testsrc2=s=$(($2 * 16 / 9))x$2:r=30:d=$1 \
		-f lavfi -i sine=d=$1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac /tmp/clip.mp4 &&
		cat /tmp/clip.mp4" >"$3"
}
# sign_up NAME creates an account and prints its token.
sign_up() {
	call 201 POST /api/auth/signup --json "{\"email\":\"$1@example.com\",
		\"password1\":\"correct horse\",\"password2\":\"correct horse\",
		\"first_name\":\"$1\",\"last_name\":\"Ruiz\",\"city\":\"Bogotá\",\"country\":\"Colombia\"}" >/dev/null
	sign_in "$1"
}
sign_in() {
	call 200 POST /api/auth/login -d "username=$1@example.com" --data-urlencode 'password=correct horse' |
		jq -r .access_token
}
# upload TOKEN FILE prints the new video's id.
upload() {
	call 201 POST /api/videos/upload -H "$(as "$1")" -F "file=@$2;type=video/mp4" -F title=Prueba | jq -r .video_id
}
# await TOKEN ID STATUS... waits until the video has one of these statuses, and prints it.
await() {
	local token=$1 id=$2 status deadline=$((SECONDS + 300))
	shift 2
	while ((SECONDS < deadline)); do
		status=$(call 200 GET "/api/videos/$id" -H "$(as "$token")" | jq -r .status) || return
		[[ " $* " != *" $status "* ]] || { cat "$room/body"; return; }
		[[ $status != failed ]] || break
		sleep 1
	done
	fail "video $id is $status, not $*: $(<"$room/body")"
}
