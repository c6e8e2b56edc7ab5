#!/usr/bin/env bash
# Runs the quick tests and reports which share of the statements they execute: per package and in all, as a table for a
# workflow's summary or a terminal. It fails if the whole falls below the floor. Raise the floor when the figure rises.
# The slower tests, with servers and end to end, execute more; they are left out because their share differs from run to
# run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

floor=$(<infra/setup/coverage.floor)
profile=${1:-.cache/coverage.out}
mkdir -p "$(dirname "$profile")"
infra/setup/test.sh "${GO:-go}" test -short -coverprofile="$profile" ./app/... ./config/... ./modules/... ./platform/... >&2

# A line of the profile: file:begin,end statements count. Packages that helpers of tests are in do not count.
report=$(awk '
	NR == 1 || /test\/[^\/]*\.go:/ || /\/bench[a-z]*\// { next }
	{
		package = $1; sub(/\/[^\/]*$/, "", package); sub(/^risingstars\//, "", package)
		all[package] += $2; whole += $2
		if ($3 > 0) { run[package] += $2; ran += $2 }
	}
	END {
		for (p in all) printf "| %s | %.1f |\n", p, 100 * run[p] / all[p] | "sort"
		close("sort")
		printf "| **all** | %.1f |\n", 100 * ran / whole
	}' "$profile")
printf '| package | %% of statements |\n|---|---|\n%s\n' "$report" | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"

figure=$(sed -n 's/^| \*\*all\*\* | \([0-9.]*\) |$/\1/p' <<<"$report")
if awk "BEGIN { exit !($figure < $floor) }"; then
	echo "coverage: $figure % of the statements are executed, fewer than the floor of $floor % (infra/setup/coverage.floor)" >&2
	exit 1
fi
echo "coverage: $figure %, and the floor is $floor %"
