#!/usr/bin/env bash
# Tries install.sh and the units on a real systemd (a minute; not a part of `make test`): as process 1 of namespaces of
# its own, on an overlay of this machine's files, which stays as it is. It needs root, Debian or Ubuntu with systemd,
# ffmpeg and curl, and a binary: make build; sudo infra/systemd/try.sh [bin/app]
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# begin turns this process, alone in its namespaces, into systemd.
begin() {
	local root=$room/root
	mount --make-rprivate /
	mount -t tmpfs tmpfs "$room"
	mkdir "$room"/{up,work,root}
	mount -t overlay overlay -o "lowerdir=/,upperdir=$room/up,workdir=$room/work" "$root"
	# Nothing but what is tried is started.
	rm -rf "$root"/{usr/lib,etc}/systemd/system/*.wants
	mount -t proc proc "$root/proc"
	mount -o bind "$root/proc/sys" "$root/proc/sys"
	mount -o remount,ro,bind "$root/proc/sys"
	mount -t sysfs -o ro sysfs "$root/sys"
	mount -t tmpfs tmpfs "$root/run"
	mount -t tmpfs tmpfs "$root/tmp"
	mount --rbind /dev "$root/dev"
	if mountpoint -q /sys/fs/cgroup/systemd; then # the older control groups
		mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
		mkdir "$root"/sys/fs/cgroup/{systemd,unified}
		mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
		mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
	else
		mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	fi
	cd "$root"
	pivot_root . mnt
	cd /
	exec env -i container=docker PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=basic.target \
		--log-level=notice --log-target=console --show-status=0 </dev/null
}

ok() { echo "ok    $*"; }
fail() {
	echo "FAIL  $*"
	failed=yes
}

# same WHAT GOT WANTED
same() { if [[ $2 == "$3" ]]; then ok "$1: $2"; else fail "$1: $2 instead of $3"; fi; }

# check runs on that systemd.
check() {
	local site=http://127.0.0.9 out=/var/tmp/out failed='' clip token pid state _
	cd /var/tmp
	mkdir rel && cp "/mnt$binary" rel/showcase-1.0.0-linux-"$(dpkg --print-architecture)"
	cp "$repository"/infra/systemd/showcase* "$repository/infra/install.sh" rel
	sed -i '/network-online/d' rel/showcase*.service # nothing here brings it
	(cd rel && sha256sum -- * >SHA256SUMS)
	bash rel/install.sh --from /var/tmp/rel
	mkdir /etc/systemd/system/showcase.service.d
	printf '[Service]\nStandardOutput=append:%s\nStandardError=append:%s\n' $out $out >/etc/systemd/system/showcase.service.d/log.conf
	printf 'HTTP_ADDR=127.0.0.9:80\nRATE_LIMITS=false\n' >>/etc/showcase/env
	systemctl daemon-reload
	systemctl restart showcase
	await
	pid=$(systemctl show -p MainPID --value showcase)
	same "user, capabilities, no new privileges, seccomp" \
		"$(awk '/^(Uid|CapEff|NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$pid/status" | xargs)" \
		"$(id -u showcase) 0000000000000400 1 2"
	same "walls around ffmpeg, in the unit" "$(grep -c '^ok *box: ' $out)" 4
	ok "it answers on port 80"

	curl -fsS $site/api/auth/signup -H 'Content-Type: application/json' -o /dev/null -d '{"email":"ana@example.com",
		"password1":"correct horse","password2":"correct horse","first_name":"Ana","last_name":"Ruiz","city":"Cali",
		"country":"Colombia"}'
	token=$(curl -fsS $site/api/auth/login -d username=ana@example.com -d 'password=correct horse' |
		sed 's/.*"access_token":"\([^"]*\).*/\1/')
	clip=$(mktemp --suffix=.mp4)
	ffmpeg -v error -y -f lavfi -i testsrc=s=1280x720:d=2 -f lavfi -i sine=d=2 "$clip"
	curl -fsS $site/api/videos/upload -H "Authorization: Bearer $token" -F "file=@$clip" -F title=Clip -o /dev/null
	for _ in {1..180}; do
		state=$(curl -fsS $site/api/videos/ -H "Authorization: Bearer $token" | grep -o '"status":"[a-z]*"')
		case $state in *processed* | *failed*) break ;; esac
		sleep 1
	done
	same "a clip" "$state" '"status":"processed"'

	systemctl start showcase-backup
	same "backups" "$(showcase backup list | grep -c ' rows, ')" 1
	same "timer" "$(systemctl start showcase-backup.timer && systemctl is-active showcase-backup.timer)" active
	kill -KILL "$pid"
	await
	same "restarts after kill -9" "$(systemctl show -p NRestarts --value showcase)" 1
	echo 'DISK_RESERVE_BYTES=many' >>/etc/showcase/env
	systemctl restart showcase || true
	for _ in {1..30}; do systemctl is-failed --quiet showcase && break; sleep 1; done
	same "a wrong setting" "$(systemctl is-failed showcase)" failed
	sed -i '/^DISK_RESERVE_BYTES/d' /etc/showcase/env
	systemctl start showcase
	await
	sed -i 's/127.0.0.9:80/192.0.2.1:80/' /etc/showcase/env # nobody here has this address
	systemctl restart showcase
	for _ in {1..120}; do [[ $(systemctl show -p NRestarts --value showcase) -gt 3 ]] && break; sleep 1; done
	sed -i 's/192.0.2.1:80/127.0.0.9:80/' /etc/showcase/env
	bash rel/install.sh --from /var/tmp/rel
	same "restarts, after install.sh has started what ended often" "$(systemctl show -p NRestarts --value showcase)" 0
	systemctl stop showcase
	same "after a stop" "$(systemctl show -p Result --value showcase)" success
	[[ -z $failed ]]
}

await() {
	for _ in {1..120}; do
		if showcase healthcheck 2>/dev/null; then return; fi
		sleep 1
	done
	tail -n 20 /var/tmp/out
	echo "FAIL  it is not ready"
	exit 1
}

case ${1-} in
--begin) room=$2 && begin ;;
--check) binary=$2 && check ;;
*)
	binary=$(realpath "${1-$repository/bin/app}")
	room=$(mktemp -d /var/tmp/systemd-try.XXXXXX)
	unshare --mount --pid --fork --uts --ipc bash "$0" --begin "$room" >"$room.log" 2>&1 &
	outer=$!
	# With its first process end all.
	trap 'kill -KILL $(pgrep -P $outer) 2>/dev/null || true; wait $outer 2>/dev/null || true; rm -rf "$room" "$room.log"' EXIT
	for _ in {1..60}; do
		first=$(pgrep -P $outer || true)
		if [[ -n $first ]] && nsenter -t "$first" -m -p -u -i systemctl is-system-running >/dev/null 2>&1; then break; fi
		sleep 0.5
	done
	nsenter -t "$first" -m -p -u -i bash "/mnt$(realpath "$0")" --check "$binary" || { cat "$room.log"; exit 1; }
	;;
esac
