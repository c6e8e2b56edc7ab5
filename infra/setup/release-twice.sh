#!/usr/bin/env bash
# Builds what a version publishes twice, in two folders and with a cache each, and fails unless all of it is the same,
# the sums are right and the binary of this system runs. It takes some minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=$(sed -n 's/^## \([0-9.]*\)$/\1/p' CHANGELOG.md | head -n 1)
make release VERSION="$version"

again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
git clone --quiet . "$again/elsewhere"
GOCACHE=$again/cache make -C "$again/elsewhere" release VERSION="$version"

diff -r dist "$again/elsewhere/dist"
(cd dist && sha256sum --check --strict SHA256SUMS)
"dist/showcase-$version-$(go env GOOS)-$(go env GOARCH)" version
echo "release: $version is the same in both folders"
