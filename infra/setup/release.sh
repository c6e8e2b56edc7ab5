#!/usr/bin/env bash
# Builds what a version tag publishes, into ./dist: a static binary for each system, with a list of what it is made of
# (CycloneDX), and the SHA-256 sums of all. Whoever builds the same commit with the same Go gets the same bytes (of the
# lists, which name the hash of their own maker, on the same kind of system). release-twice.sh tries that. The Makefile
# builds cyclonedx-gomod.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

go=${GO:-go}
cyclonedx=$PWD/.cache/bin/cyclonedx-gomod
version=${1-}
version=${version#v}
if [[ ! $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
	echo "usage: make release VERSION=1.2.3" >&2
	exit 2
fi
if [[ -n $(git status --porcelain) ]]; then
	echo "release: commit your changes first: the binaries name the commit that they are made of" >&2
	exit 1
fi
if ! grep -q "^## ${version%%-*}\b" CHANGELOG.md; then
	echo "release: CHANGELOG.md says nothing about ${version%%-*}" >&2
	exit 1
fi

# Nothing of this machine's own settings gets into the binaries.
unset GOFLAGS GOEXPERIMENT GOAMD64 GOARM64
export CGO_ENABLED=0 GOWORK=off

rm -rf dist
mkdir dist
for system in linux/amd64 linux/arm64 darwin/arm64; do
	name=showcase-$version-${system/\//-}
	echo "building dist/$name"
	GOOS=${system%/*} GOARCH=${system#*/} "$go" build -trimpath -buildvcs=true \
		-ldflags "-s -w -buildid= -X risingstars/app.version=$version" -o "dist/$name" .
	"$cyclonedx" bin -json -noserial -notimestamp -version "v$version" -output "dist/$name.cdx.json" "dist/$name"
done
# What installs a binary on a small machine goes with it.
for file in infra/install.sh infra/systemd/showcase*; do
	if [[ -f $file ]]; then cp "$file" dist/; fi
done
(cd dist && sha256sum -- * >SHA256SUMS)
cat dist/SHA256SUMS
