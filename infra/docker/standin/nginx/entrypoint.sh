#!/bin/sh
# As in the official image: templates in /etc/nginx/templates are written to conf.d with the environment's variables
# filled in; nginx's own variables stay.
set -eu
if [ "$1" = nginx ] && [ -d /etc/nginx/templates ]; then
	[ -w /etc/nginx/conf.d ] || { echo "/etc/nginx/conf.d is not writable" >&2; exit 1; }
	defined=$(awk 'END { for (name in ENVIRON) printf "${%s} ", name }' </dev/null)
	for template in /etc/nginx/templates/*.template; do
		name=$(basename "$template" .template)
		envsubst "$defined" <"$template" >"/etc/nginx/conf.d/$name"
	done
fi
exec "$@"
