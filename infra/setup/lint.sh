#!/usr/bin/env bash
# Checks format, Go code, scripts and workflows. With --staged it formats and checks only what is staged for a commit; that
# is the pre-commit hook that `make hooks` installs. The Makefile builds golangci-lint and actionlint.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

go=${GO:-go}
lint=.cache/bin/golangci-lint

# go_packages FILE... prints the packages of the files, without those of other modules and of testdata.
go_packages() {
	dirname "$@" | sort -u | grep -Ev '^infra/tools(/|$)|(^|/)testdata(/|$)' | sed 's|^|./|' || true
}

staged() {
	local files file packages
	mapfile -t files < <(git diff --cached --name-only --diff-filter=ACMR -- '*.go')
	if [[ ${#files[@]} -gt 0 ]]; then
		for file in "${files[@]}"; do
			if git diff --quiet -- "$file"; then
				gofmt -w "$file"
				git add -- "$file"
			elif [[ -n $(git show ":$file" | gofmt -l) ]]; then
				# Formatting the file would stage changes that were left out on purpose.
				echo "$file: what is staged is not formatted, and the file has other changes, too: gofmt -w it" >&2
				return 1
			fi
		done
		mapfile -t packages < <(go_packages "${files[@]}")
		if [[ ${#packages[@]} -gt 0 ]]; then "$lint" run --allow-parallel-runners "${packages[@]}"; fi
	fi
	mapfile -t files < <(git diff --cached --name-only --diff-filter=ACMR -- '*.sh' .ci/run)
	if [[ ${#files[@]} -gt 0 ]]; then shellcheck "${files[@]}"; fi
	if ! git diff --cached --quiet -- .github/workflows; then .cache/bin/actionlint -shellcheck "$(command -v shellcheck)"; fi
}

everything() {
	local unformatted
	unformatted=$(gofmt -l .)
	if [[ -n $unformatted ]]; then
		printf 'not formatted (make fmt):\n%s\n' "$unformatted" >&2
		return 1
	fi
	find .ci/run infra -type f \( -name '*.sh' -o -path .ci/run \) -print0 | xargs -0 shellcheck
	"$lint" run --allow-parallel-runners
	# The app must also build on macOS.
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 "$go" vet ./...
	# The image is also built for arm64, whose system calls differ.
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 "$go" build ./...
	.cache/bin/actionlint -shellcheck "$(command -v shellcheck)"
	echo "lint: ok"
}

case ${1-} in
'') everything ;;
--staged) staged ;;
*) echo "usage: lint.sh [--staged]" >&2; exit 2 ;;
esac
