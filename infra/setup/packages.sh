#!/usr/bin/env bash
# Installs those of the programs named as arguments that are missing, and prints what it does.
# Where it cannot install (neither root nor sudo, or no apt-get), it prints the command to type and exits with 1.
set -euo pipefail

usage="usage: packages.sh PROGRAM...   (go ffmpeg gcc shellcheck postgres redis-server nginx chromium promtool node rsync sqlite3 curl systemd-analyze)"

# The system folders hold nginx and others, but are not on every user's PATH.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

have() { command -v "$1" >/dev/null 2>&1; }

# present PROGRAM reports whether it is installed and usable.
present() {
	case $1 in
	ffmpeg) have ffmpeg && have ffprobe ;;
	# A compiler without the C library's headers cannot build the race detector.
	gcc) { have gcc || have clang; } && echo '#include <stdlib.h>' | "${CC:-cc}" -E - >/dev/null 2>&1 ;;
	# Debian keeps the server's programs off the PATH, in one folder per major version.
	postgres) have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ;;
	# Redocly and html-validate need Node 20.19.
	node) have npm && have node && node -e 'const [a, b] = process.versions.node.split("."); process.exit(a * 100 + +b < 2019 ? 1 : 0)' ;;
	promtool) have promtool && have prometheus ;;
	chromium) have chromium || have chromium-browser || have google-chrome ;;
	*) have "$1" ;;
	esac
}

# debian PROGRAM and brew PROGRAM print the packages that contain it.
debian() {
	case $1 in
	gcc) echo gcc libc6-dev ;;
	postgres) echo postgresql ;;
	promtool) echo prometheus ;;
	systemd-analyze) echo systemd ;;
	node) echo nodejs npm ;;
	*) echo "$1" ;;
	esac
}

brew() {
	case $1 in
	postgres) echo postgresql@15 ;;
	redis-server) echo redis ;;
	chromium) echo --cask chromium ;;
	promtool) echo prometheus ;;
	*) echo "$1" ;;
	esac
}

# by_hand PROGRAM... prints the command that an administrator has to type.
by_hand() {
	local program packages=() command note="   # package names as in Debian; yours may differ"
	if [[ $(uname -s) == Darwin ]]; then
		for program in "$@"; do
			case $program in
			gcc) echo "  xcode-select --install" ;;
			*) echo "  brew install $(brew "$program")" ;;
			esac
		done
		return
	fi
	for program in "$@"; do packages+=("$(debian "$program")"); done
	if have apt-get; then
		command="apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
		note=
	elif have dnf; then
		command="dnf install ${packages[*]}"
	elif have pacman; then
		command="pacman -S ${packages[*]}"
	elif have apk; then
		command="apk add ${packages[*]}"
	else
		echo "  install with your package manager: ${packages[*]}$note"
		return
	fi
	if [[ $EUID -eq 0 ]]; then
		echo "  $command$note"
	elif have sudo; then
		echo "  sudo sh -c '$command'$note"
	else
		echo "  su -c '$command'$note"
	fi
}

# give_up REASON PROGRAM... prints what is missing, and why it was not installed, and exits.
give_up() {
	local reason=$1
	shift
	{
		echo "packages: missing: $*; $reason. Type:"
		by_hand "$@"
		echo "then run the same command again."
	} >&2
	exit 1
}

# check_go exits if Go is missing or older than 1.21, the first version that can fetch the one that go.mod names.
check_go() {
	local want version
	want=$(sed -n 's/^go //p' "$(dirname "${BASH_SOURCE[0]}")/../../go.mod")
	version=$(GOTOOLCHAIN=local go version 2>/dev/null | sed -En 's/^go version .*go1\.([0-9]+).*/\1/p' || true)
	if [[ -z $version || $version -lt 21 ]]; then
		echo "packages: Go $want or newer is required, and distributions have older versions: https://go.dev/dl/" >&2
		exit 1
	fi
}

[[ $# -gt 0 ]] || { echo "$usage" >&2; exit 2; }

missing=()
for program in "$@"; do
	case $program in
	go) check_go ;;
	ffmpeg | gcc | shellcheck | postgres | redis-server | nginx | chromium | promtool | node | rsync | sqlite3 | curl | systemd-analyze)
		present "$program" || missing+=("$program")
		;;
	*)
		echo "packages: unknown program: $program" >&2
		echo "$usage" >&2
		exit 2
		;;
	esac
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

have apt-get || give_up "no apt-get here" "${missing[@]}"
as_root=()
if [[ $EUID -ne 0 ]]; then
	have sudo || give_up "not root, and no sudo" "${missing[@]}"
	# Without a terminal, sudo could only wait for a password that never comes.
	[[ -t 0 ]] || sudo -n true 2>/dev/null || give_up "not root, and sudo asks for a password" "${missing[@]}"
	as_root=(sudo)
fi

packages=()
for program in "${missing[@]}"; do
	read -ra names <<<"$(debian "$program")"
	packages+=("${names[@]}")
done
echo "packages: installing ${packages[*]} (apt-get)"
# RUNLEVEL=1 keeps the packages' scripts from starting servers, because the tests start their own.
apt=(env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq)
# Old package lists may be good enough, so only a failed installation counts.
${as_root[@]+"${as_root[@]}"} "${apt[@]}" update ||
	echo "packages: apt-get update failed; continuing with the present package lists" >&2
# dpkg's output matters only when it fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! ${as_root[@]+"${as_root[@]}"} "${apt[@]}" install -y --no-install-recommends "${packages[@]}" >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	give_up "apt-get failed to install them" "${missing[@]}"
fi

for program in "${missing[@]}"; do
	present "$program" && continue
	if [[ $program == node ]]; then
		echo "packages: Node.js 20.19 or newer is required, and this distribution has an older one: https://nodejs.org" >&2
		exit 1
	fi
	give_up "$program is still missing after the installation" "$program"
done
