#!/usr/bin/env bash
# Runs a test binary for `go test -exec`, and adds a line to the file $TIMES: the processor time, in seconds, of the
# binary and of all that it started, and its name.
set -uo pipefail
file=$TIMES
unset TIMES
"$@"
status=$?
times >"$file.$$" # of this shell, and in the second line of its children: user and system
awk -v name="$(basename "$1")" 'NR == 2 {
	for (i = 1; i <= 2; i++) { split($i, part, /[ms]/); all += part[1] * 60 + part[2] }
	printf "%7.1f s %s\n", all, name
}' "$file.$$" >>"$file"
rm "$file.$$"
exit "$status"
