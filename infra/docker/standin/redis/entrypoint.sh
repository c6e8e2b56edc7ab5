#!/bin/sh
# As in the official image: the server gives up root, and owns its data.
set -eu
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	chown -R redis:redis .
	# The image, not the server, is the fence.
	exec gosu redis "$@" --protected-mode no
fi
exec "$@"
