#!/bin/sh
# As in the official image: the server does not run as root, and owns its data.
set -eu
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	chown -R redis:redis .
	# As in the official image, the container's network protects the server, not its own protected mode.
	exec gosu redis "$@" --protected-mode no
fi
exec "$@"
