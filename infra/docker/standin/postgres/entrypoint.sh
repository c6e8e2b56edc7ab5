#!/bin/sh
# Does what the official image does with POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and PGDATA: on the first start it
# creates the cluster, serves only the socket while it creates the database, and then starts again.
set -eu

if [ "$(id -u)" = 0 ]; then
	install -d -o postgres -g postgres -m 0700 "$PGDATA"
	chown -R postgres:postgres "$PGDATA" /var/run/postgresql
	exec gosu postgres "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	user=${POSTGRES_USER:-postgres}
	password=$(mktemp)
	echo "${POSTGRES_PASSWORD:?}" >"$password"
	initdb --username="$user" --pwfile="$password" -A scram-sha-256 --auth-local=trust
	rm "$password"
	echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
	pg_ctl -w -o "-c listen_addresses=''" start
	if [ "${POSTGRES_DB:-$user}" != postgres ]; then
		createdb --username="$user" --maintenance-db=postgres "${POSTGRES_DB:-$user}"
	fi
	pg_ctl -w -m fast stop
fi
exec "$@"
