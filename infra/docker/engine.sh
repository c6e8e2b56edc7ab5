#!/usr/bin/env bash
# Sourced by try.sh: a Docker engine that leaves nothing behind. It lives in network, mount and process namespaces of
# its own, so its bridges, packet filter rules, mounts and containers vanish with its first process. One limit caps its
# memory together with that of all containers.

: "${room:?the folder of this run}"

engine_net=showcase-try
engine_group=showcase-try
engine_subnet=10.213.0
engine_memory=8G

# inside COMMAND... runs it in the engine's network, where the published ports are.
inside() { nsenter --net="/run/netns/$engine_net" -- "$@"; }

# group_folders prints the folders of the engine's control groups: on cgroup v1 there is one for each controller.
group_folders() {
	local root
	for root in /sys/fs/cgroup /sys/fs/cgroup/*; do
		if [[ -d $root/$engine_group ]]; then echo "$root/$engine_group"; fi
	done
}

cap_memory() {
	local group
	if [[ -d /sys/fs/cgroup/memory ]]; then
		group=/sys/fs/cgroup/memory/$engine_group
		mkdir -p "$group/engine"
		echo "$engine_memory" >"$group/memory.limit_in_bytes"
	else
		group=/sys/fs/cgroup/$engine_group
		echo '+cpu +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
		mkdir -p "$group/engine"
		echo "$engine_memory" >"$group/memory.max"
		echo '+cpu +memory +pids' >"$group/cgroup.subtree_control"
	fi
	echo "$group/engine/cgroup.procs"
}

# connect creates the engine's network, which reaches the outside through this machine.
connect() {
	ip netns add "$engine_net"
	ip link add "$engine_net" type veth peer name eth0 netns "$engine_net"
	ip addr add "$engine_subnet.1/30" dev "$engine_net"
	ip link set "$engine_net" up
	ip -n "$engine_net" addr add "$engine_subnet.2/30" dev eth0
	ip -n "$engine_net" link set eth0 up
	ip -n "$engine_net" link set lo up
	ip -n "$engine_net" route add default via "$engine_subnet.1"
	iptables -w -t nat -A POSTROUTING -s "$engine_subnet.0/30" ! -o "$engine_net" -j MASQUERADE
	if [[ $(cat /proc/sys/net/ipv4/ip_forward) != 1 ]]; then
		echo 0 >"$room/ip_forward"
		echo 1 >/proc/sys/net/ipv4/ip_forward
	fi
}

start_engine() {
	local procs
	mkdir -p "$room/data" "$room/exec"
	connect
	procs=$(cap_memory)
	export DOCKER_HOST=unix://$room/docker.sock
	# shellcheck disable=SC2016 # expanded by the inner shell
	nsenter --net="/run/netns/$engine_net" unshare --mount --pid --fork --kill-child --mount-proc sh -c '
		echo 0 >"$1"
		# Otherwise dockerd would use a system-wide containerd, which would outlive it.
		if [ -d /run/containerd ]; then mount -t tmpfs none /run/containerd; fi
		# The engine must neither read the settings of this machine nor leave its key there.
		mkdir -p /etc/docker
		mount -t tmpfs none /etc/docker
		shift
		exec docker-init -- dockerd "$@"' dockerd "$procs" \
		--data-root "$room/data" --exec-root "$room/exec" --pidfile "$room/dockerd.pid" --host "$DOCKER_HOST" \
		--group "$(id -g)" --cgroup-parent "/$engine_group/containers" --exec-opt native.cgroupdriver=cgroupfs \
		>"$room/dockerd.log" 2>&1 </dev/null 9>&- & # 9 is the lock of this run
	echo $! >"$room/engine.pid"
	local _
	for _ in {1..300}; do
		if docker version >/dev/null 2>&1; then return; fi
		kill -0 "$(cat "$room/engine.pid")" 2>/dev/null || break
		sleep 0.2
	done
	tail -n 30 "$room/dockerd.log" >&2
	echo "try: the engine did not start" >&2
	return 1
}

# stop_engine removes whatever start_engine created, even if that did not finish.
stop_engine() {
	local group process _
	# All processes of the namespace end with its first one. The members of the group are ours, whichever run started
	# them. (The size of a control group's file is always 0, so only reading shows whether it is empty.)
	while read -r group; do
		while [[ -f $group/engine/cgroup.procs ]] && read -r process <"$group/engine/cgroup.procs"; do
			kill -KILL "$process" 2>/dev/null || true
			sleep 0.1
		done
	done < <(group_folders)
	iptables -w -t nat -D POSTROUTING -s "$engine_subnet.0/30" ! -o "$engine_net" -j MASQUERADE 2>/dev/null || true
	ip link del "$engine_net" 2>/dev/null || true
	ip netns del "$engine_net" 2>/dev/null || true
	if [[ -f $room/ip_forward ]]; then cat "$room/ip_forward" >/proc/sys/net/ipv4/ip_forward; fi
	# A group can only be removed once its last process has ended.
	for _ in {1..50}; do
		[[ -n $(group_folders) ]] || break
		while read -r group; do
			find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
		done < <(group_folders)
		sleep 0.1
	done
}
