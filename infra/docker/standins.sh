#!/usr/bin/env bash
# Sourced by try.sh: builds images that stand in for the base images of Dockerfile and compose.yaml, for machines that
# reach no registry. They consist of Debian's packages, from the mirrors in this machine's /etc/apt, and are tagged with
# the names in those files.
: "${here:?}" "${root:?}" "${room:?}"

# wanted NAME prints the image with its tag as the files name it, so that a new tag needs no change here.
wanted() {
	local found
	found=$(sed -En "s/^(FROM|FROM --platform=[^ ]+| +image:) ($1:[^ ]+).*/\2/p" \
		"$root/Dockerfile" "$root/compose.yaml" | sort -u)
	[[ -n $found && $(wc -l <<<"$found") == 1 ]] || {
		echo "try: the files must name one tag of $1, and name: ${found:-none}" >&2
		return 1
	}
	echo "$found"
}

# make_base builds the base image from a minimal Debian. It checks the size of the archive before the engine imports it,
# because an archive that followed links into /proc and /dev would be endless.
make_base() {
	local image codename mirror tree=$room/tree archive=$room/base.tar mib
	image=$(wanted debian)
	codename=$(wanted golang)
	codename=${codename##*-}
	# shellcheck disable=SC2016 # apt-get's own variables
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' |
		awk -v codename="$codename" '$2 == codename { print $1; exit }')
	[[ -n $mirror ]] || { echo "try: no mirror of $codename in /etc/apt" >&2; return 1; }
	debootstrap --variant=minbase "$codename" "$tree" "$mirror" >"$room/debootstrap.log" 2>&1 ||
		{ tail -n 20 "$room/debootstrap.log" >&2; return 1; }
	rm -rf "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
		awk -v codename="$codename" '$2 ~ "^" codename "(-|$)" { print "deb", $0 }' >"$tree/etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(https?|Check)' >"$tree/etc/apt/apt.conf.d/90try" || true

	tar --one-file-system --numeric-owner -C "$tree" -cf "$archive" .
	mib=$(($(stat -c %s "$archive") >> 20))
	((mib >= 50 && mib <= 500)) || { echo "try: the base is $mib MiB" >&2; return 1; }
	docker import --change 'CMD ["bash"]' "$archive" "$image" >/dev/null
	rm -rf "$tree" "$archive"
}

# make_golang packs this machine's compiler, and its certificates in case only this machine trusts the module proxy.
make_golang() {
	local image container
	image=$(wanted golang)
	container=$(docker create "$(wanted debian)" sh -c 'mkdir -p /go/bin /go/src /etc/ssl/certs')
	docker start --attach "$container"
	tar -C "$(go env GOROOT)" --transform 's,^\.,go,' --owner 0 --group 0 -c . | docker cp - "$container:/usr/local"
	docker cp --follow-link /etc/ssl/certs/ca-certificates.crt "$container:/etc/ssl/certs/" 2>/dev/null
	docker commit \
		--change 'ENV PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
		--change 'ENV GOPATH=/go' --change 'ENV GOTOOLCHAIN=local' --change "ENV GOPROXY=$(go env GOPROXY)" \
		--change 'WORKDIR /go' --change 'CMD ["bash"]' "$container" "$image" >/dev/null
	docker rm "$container" >/dev/null
}

make_standin() {
	docker build --quiet --build-arg "BASE=$(wanted debian)" --tag "$(wanted "$1")" "$here/standin/$1" >/dev/null
}

make_standins() {
	make_base
	make_golang
	make_standin postgres
	make_standin redis
	make_standin nginx
}
