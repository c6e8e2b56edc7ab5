#!/usr/bin/env bash
# Installs the pre-commit hook of this checkout, which formats and lints what is staged. A hook that is already there, and
# is not ours, stays as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

hook=$(git rev-parse --git-path hooks)/pre-commit
mark='infra/setup/lint.sh --staged'
if [[ -e $hook ]] && ! grep -qF "$mark" "$hook"; then
	echo "hooks: $hook is there already; add this line to it: exec $mark" >&2
	exit 1
fi
mkdir -p "$(dirname "$hook")"
printf '#!/bin/sh\n# Installed by make hooks.\nexec %s\n' "$mark" >"$hook"
chmod +x "$hook"
echo "hooks: $hook formats and lints what is staged"
