#!/usr/bin/env bash
# Installs the service on this machine, or updates it: user, folders, settings, systemd's units, binary. It may be
# repeated at any time. infra/SMALL.md shows the way from a rented machine to a running contest.
#
# usage: install.sh [--from PLACE] [--domain NAME] [--email ADDRESS]
#
#   --from PLACE    URL or folder of a release: SHA256SUMS, showcase-VERSION-linux-ARCH, and the units if this script is
#                   not in a checkout of the repository. Without it, the folder of this script.
#   --domain NAME   DOMAIN: the site answers on ports 80 and 443 with a certificate of its own. Several: a,b
#   --email ADDRESS ACME_EMAIL, where the certificate's authority writes
#
# An update checks the new binary's checksum, keeps the old one as app.old and a copy of the database, migrates, and
# starts the new one. If that does not become ready within READY_SECONDS (120), or ends several times, the old one runs
# again; if it cannot read the newer database, it runs with the copy of the old one. Then there is no app.old any more.
#
# ROOT names a folder that stands in for / (a rehearsal); systemctl is then the caller's.
set -euo pipefail

root=${ROOT-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$root/usr/local/bin
state=$root/var/lib/showcase
settings=$root/etc/showcase/env
units=$root/etc/systemd/system
all_units=(showcase.service showcase-backup.service showcase-backup.timer)

say() { echo "install: $*"; }
die() {
	echo "install: $*" >&2
	exit 1
}

from=$here
domain=
email=
while [[ $# -gt 0 ]]; do
	[[ $# -gt 1 && -n $2 ]] || { sed -n 's/^# usage: /usage: /p' "${BASH_SOURCE[0]}" >&2; exit 2; }
	case $1 in
	--from) from=${2%/} ;;
	--domain) domain=$2 ;;
	--email) email=$2 ;;
	*) sed -n 's/^# usage: /usage: /p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
	esac
	shift 2
done

if [[ -z $root ]]; then
	[[ $EUID -eq 0 ]] || die "it must run as root: sudo bash install.sh …"
	[[ -d /run/systemd/system ]] || die "systemd does not run here; infra/OPERATE.md has other ways"
fi
case $(uname -m) in
x86_64) arch=amd64 ;;
aarch64) arch=arm64 ;;
*) die "there is no binary for $(uname -m)" ;;
esac

mkdir -p "$root/run"
exec 9>"$root/run/showcase-install.lock"
flock -n 9 || die "another one is at work"

room=$(mktemp -d)
stopped= # the service was stopped and is not started yet
finish() {
	rm -rf "$room"
	if [[ -n $stopped ]]; then systemctl start showcase || true; fi
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# fetch NAME gets a file of the release into $room.
fetch() {
	case $from in
	*://*) curl -fsSL --retry 3 -o "$room/$1" "$from/$1" || die "$from/$1 cannot be fetched" ;;
	*) cp "$from/$1" "$room/$1" 2>/dev/null || die "$from has no $1" ;;
	esac
}

# fetch_checked NAME is fetch for what SHA256SUMS has.
fetch_checked() {
	fetch "$1"
	(cd "$room" && grep -E "^[0-9a-f]{64} [ *]$1\$" SHA256SUMS | sha256sum --check --status) ||
		die "$1 is not what SHA256SUMS says; nothing was changed"
}

# fetch_release leaves the new binary as $room/$name, and the units.
fetch_release() {
	local unit
	fetch SHA256SUMS
	name=$(sed -nE "s/^[0-9a-f]{64} [ *](showcase-[A-Za-z0-9.+-]+-linux-$arch)\$/\1/p" "$room/SHA256SUMS")
	[[ -n $name && $name != *$'\n'* ]] || die "SHA256SUMS does not name one binary for $arch"
	fetch_checked "$name"
	for unit in "${all_units[@]}"; do
		if [[ -e $here/systemd/$unit ]]; then cp "$here/systemd/$unit" "$room/$unit"; else fetch_checked "$unit"; fi
	done
}

# as_user COMMAND... runs it as the service's user, in its folder, with what the unit allows.
as_user() {
	local as=()
	if [[ $EUID -eq 0 ]]; then read -ra as <<<"$become"; fi
	(cd "$state" && "${as[@]}" env -i "PATH=$PATH" "HOME=$state" "ENV_FILE=$settings" "$@")
}

# own FILE... gives files to the service's user. Only root can.
own() { if [[ $EUID -eq 0 ]]; then chown "$user:$group" "$@"; fi; }

make_user() {
	mkdir -p "$root/etc"
	echo 'u showcase - "Rising Stars Showcase" /var/lib/showcase' | systemd-sysusers ${root:+--root="$root"} - >/dev/null
	IFS=: read -r user group < <(sed -n 's/^showcase:[^:]*:\([0-9]*:[0-9]*\):.*/\1/p' "$root/etc/passwd")
	[[ -n ${user-} && -n ${group-} ]] || die "the user showcase could not be made"
	become="setpriv --reuid=$user --regid=$group --clear-groups --inh-caps=+net_bind_service --ambient-caps=+net_bind_service"
}

# set_setting NAME VALUE writes a line of the settings' file, in place of the one that is there.
set_setting() {
	[[ -n $2 ]] || return 0
	if ! grep -qxF "$1=$2" "$settings"; then
		sed -i "/^$1=/d" "$settings"
		echo "$1=$2" >>"$settings"
		changed=yes
	fi
}

make_folders() {
	install -d -m 755 "$bin" "$units" "$root/etc/showcase"
	install -d -m 750 "$state"
	own "$state"
	if [[ ! -e $settings ]]; then
		install -m 640 /dev/null "$settings"
		echo "# Settings, as README.md lists them. After a change: systemctl restart showcase" >"$settings"
		echo "DATA_DIR=$state" >>"$settings"
	fi
	set_setting DOMAIN "$domain"
	set_setting ACME_EMAIL "$email"
	chmod 640 "$settings"
	if [[ $EUID -eq 0 ]]; then chown "0:$group" "$settings"; fi
}

# put FILE PATH MODE installs a file in one step, unless it is there already. It keeps the one before as PATH.old.
put() {
	if cmp -s "$1" "$2"; then return; fi
	if [[ -e $2 ]]; then
		cp -p "$2" "$2.old.new"
		mv "$2.old.new" "$2.old"
		replaced+=("$2")
	fi
	install -m "$3" "$1" "$2.new"
	sync "$2.new"
	mv "$2.new" "$2"
	changed=yes
}

put_units() {
	local unit
	for unit in "${all_units[@]}"; do
		put "$room/$unit" "$units/$unit" 644
	done
	cat >"$room/showcase" <<-END
		#!/bin/sh
		# Runs a command of the app as the service's user, with its settings and those of backups: showcase status
		set -eu
		cd "$state"
		case \${1-} in backup | restore) more=$root/etc/showcase/backup ;; *) more= ;; esac
		if [ -r "\$more" ]; then
			while read -r line || [ -n "\$line" ]; do
				case \$line in [A-Z]*=*) export "\${line?}" ;; esac
			done <"\$more"
		fi
		as="$become"
		[ "\$(id -u)" = 0 ] || as=
		exec \$as env HOME="$state" ENV_FILE="$settings" "$bin/app" "\$@"
	END
	put "$room/showcase" "$bin/showcase" 755
	systemctl daemon-reload
}

# ready waits until the service answers that it is ready, and no longer once it has ended several times.
ready() {
	local deadline=$((SECONDS + ${READY_SECONDS:-120}))
	until as_user "$bin/app" healthcheck >"$room/health" 2>&1; do
		((SECONDS < deadline)) || return 1
		if systemctl is-failed --quiet showcase; then return 1; fi
		if [[ $(systemctl show --property=NRestarts --value showcase) -gt 3 ]]; then return 1; fi
		sleep 1
	done
}

# data is the folder of the database; nothing if that is a server's.
data() {
	grep -q '^DATABASE_URL=.' "$settings" && return
	local folder
	folder=$(sed -n 's/^DATA_DIR=//p' "$settings" | tail -n 1)
	echo "${folder:-$state/data}"
}

# check_room FOLDER BYTES dies unless so many are free there.
check_room() {
	local free
	free=$(df --output=avail --block-size=1 "$1" | tail -n 1)
	((free > $2)) || die "$1 has $((free >> 20)) MiB free, and an update needs $(($2 >> 20)); nothing was changed"
}

# check_update dies unless there is room for binaries and two copies of the database.
check_update() {
	local folder size
	size=$(($(stat -c %s "$room/$name") + $(stat -c %s "$bin/app") + (1 << 20)))
	check_room "$bin" "$size"
	folder=$(data)
	[[ -z $folder || ! -e $folder/put-back ]] || die "$(half_put_back "$folder")"
	[[ -n $folder && -e $folder/showcase.db ]] || return 0
	check_room "$folder" $((size + 2 * $(cat "$folder"/showcase.db* | wc -c)))
}

stop() {
	stopped=yes
	systemctl stop showcase
}

# start also forgets how often it has ended before, with another version or other settings.
start() {
	stopped=
	systemctl reset-failed showcase 2>/dev/null || true
	systemctl start showcase 2>"$room/health"
}

# copy_database keeps the database of before the update. Nothing runs meanwhile. The service may write in the folder, so
# all is done as its user. What a full disk has cut off is removed: the service needs the room.
copy_database() {
	local folder
	folder=$(data)
	[[ -n $folder && -e $folder/showcase.db ]] || return 0
	as_user bash -eu -s "$folder" <<-'END'
		umask 077
		cd "$1"
		rm -rf before-update.new
		mkdir before-update.new
		trap 'rm -rf before-update.new' EXIT
		cp -p --reflink=auto showcase.db* before-update.new/
		sync -f before-update.new
		rm -rf before-update
		mv before-update.new before-update
		sync -f .
	END
}

# put_database_back FOLDER gives the old version the database of before the update, and keeps the newer one as $newer.
# Nothing runs meanwhile. There is a whole copy before anything is renamed, and nothing starts while only a part is.
put_database_back() {
	newer=$1/after-update-$(date -u +%Y%m%d-%H%M%S)
	as_user bash -eu -s "$1" <<-'END' || die "$1/before-update could not be copied. The newer database is where it was"
		umask 077
		cd "$1"
		rm -rf put-back.new
		mkdir put-back.new
		trap 'rm -rf put-back.new' EXIT
		cp -p before-update/showcase.db* put-back.new/
		sync -f put-back.new
		mv put-back.new put-back
	END
	trap '' HUP INT TERM
	stopped=
	as_user bash -eu -s "$1" "$newer" <<-'END' || die "The service is stopped: $(half_put_back "$1")"
		umask 077
		cd "$1"
		mkdir "$2"
		mv showcase.db* "$2/"
		mv put-back/showcase.db* .
		sync -f .
		rmdir put-back
	END
	trap 'exit 1' HUP INT TERM
}

half_put_back() {
	echo "$1/put-back has the database of before the last update, or a part of it. Move its files into $1, and those" \
		"of the same names there elsewhere; remove put-back; systemctl start showcase"
}

# put_back restores what this run has replaced. It renames, because a full disk has no room for a copy.
put_back() {
	local path left=()
	for path in "${replaced[@]}"; do
		mv "$path.old" "$path" || left+=("$path.old")
	done
	replaced=()
	if [[ ${#left[@]} -gt 0 ]]; then
		stopped= # what is there is not what ran before
		die "The service is stopped. Rename each of these, so that .old goes: ${left[*]}. Then: systemctl daemon-reload; systemctl start showcase"
	fi
	systemctl daemon-reload
}

# roll_back REASON lets the old version run again.
roll_back() {
	local folder
	say "$1: $(tail -n 3 "$room/health" 2>/dev/null || true)"
	stop
	put_back
	start || true
	if ready; then
		die "the old version runs again, on the newer database, which it can read. Nothing is lost. The reason: journalctl -u showcase"
	fi
	folder=$(data)
	stop
	if as_user "$bin/app" migrate up >"$room/health" 2>&1; then
		start || true
		die "the old version does not become ready either, although it can read the newer database, which stays: journalctl -u showcase"
	fi
	[[ -n $folder && -d $folder/before-update ]] ||
		die "the old version cannot read the newer database, and that is a server's: restore the backup of before the update (infra/BACKUP.md)"
	say "the old version cannot read the newer database, so it gets the copy of before the update: $(tail -n 3 "$room/health")"
	put_database_back "$folder"
	start || true
	ready || die "the old version does not become ready either: journalctl -u showcase. Databases: $folder/before-update, $newer"
	die "the old version runs again, with the database of before the update. The newer one is in $newer"
}

update() {
	say "updating to $name"
	stop
	if ! copy_database; then
		put_back
		die "the database could not be copied; the version of before runs on"
	fi
	put "$room/$name" "$bin/app" 755
	as_user "$bin/app" migrate up >"$room/health" 2>&1 || roll_back "the database cannot be migrated"
	if ! start || ! ready; then roll_back "the new version does not become ready"; fi
	say "it runs. To go back: infra/SMALL.md"
}

first() {
	say "installing $name"
	put "$room/$name" "$bin/app" 755
	as_user "$bin/app" migrate up >"$room/health" 2>&1 || die "the database cannot be made: $(tail -n 3 "$room/health")"
	as_user "$bin/app" doctor || die "mend what is marked FAIL, and run the same command again"
	systemctl enable showcase
	start || die "it cannot be started: $(tail -n 3 "$room/health")"
	ready || die "it does not become ready: $(tail -n 3 "$room/health"); the rest: journalctl -u showcase"
	say "it runs."
}

replaced=() changed=
fetch_release
make_user
make_folders
chmod 755 "$room/$name"
as_user true 2>/dev/null || die "$state cannot be entered by the user showcase"
had=
if [[ -e $bin/app ]] && systemctl is-enabled --quiet showcase 2>/dev/null; then had=yes; fi
if [[ -n $had ]] && ! cmp -s "$room/$name" "$bin/app"; then check_update; fi
put_units
if [[ -z $had ]]; then
	first
elif ! cmp -s "$room/$name" "$bin/app"; then
	update
elif [[ -n $changed ]] || ! READY_SECONDS=0 ready; then
	say "$name is there already; it is restarted"
	stop
	start || die "it cannot be started: $(tail -n 3 "$room/health")"
	ready || die "it does not become ready: $(tail -n 3 "$room/health"); the rest: journalctl -u showcase"
else
	say "$name is there already, and nothing has changed"
fi
