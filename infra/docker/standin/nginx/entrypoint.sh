#!/bin/sh
# As in the official image: files of /etc/nginx/templates go to conf.d, where variables that are set are filled in and
# nginx's own are left alone.
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
