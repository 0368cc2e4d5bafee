#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The private PostgreSQL cluster of a home. Debian's default cluster is never used, and no TCP port
# is opened: the only way in is the socket in the home's runtime folder, with a password per role.
#
#   tools/cluster.sh -h HOME init [test]      cluster and roles; test: the owner may make databases
#   tools/cluster.sh -h HOME start | status
#   tools/cluster.sh -h HOME stop [fast|immediate]
#   tools/cluster.sh -h HOME kill             SIGKILL to every process of it
#   tools/cluster.sh -h HOME createdb DB | dropdb DB | migrate DB
#   tools/cluster.sh -h HOME conninfo ROLE DB
#   tools/cluster.sh -h HOME psql DB [argument ...]    as superuser, for debugging
#   tools/cluster.sh -h HOME drop             stops it and removes the home
set -eu
umask 022

tools=$(cd "$(dirname "$0")" && pwd)
tree=$(dirname "$tools")
bin=/usr/lib/postgresql/15/bin
port=5432 # only part of the socket's name
roles='countersign_owner countersign_service countersign_keeper countersign_reports countersign_verifier'
unset "${!PG@}"

usage()
{
	sed -n '/^#   tools/s/^#   //p' "$0" >&2
	exit 2
}

give_up()
{
	echo "tools/cluster.sh: $1" >&2
	exit 1
}

[ "${1-}" = -h ] && [ $# -ge 3 ] || usage
home=$2
verb=$3
shift 3

load_home()
{
	[ -f "$home/home.env" ] || give_up "there is no home at $home; run init first"
	. "$home/home.env"
	data=$COUNTERSIGN_HOME/pg/data
	log=$COUNTERSIGN_HOME/logs/pg/postgresql.log
}

as_postgres()
{
	"$tools/as.sh" postgres -- "$@"
}

conninfo()
{
	echo "host=$COUNTERSIGN_SOCKET port=$port user=$1 dbname=$2 passfile=$COUNTERSIGN_SECRETS/$1.pass connect_timeout=10"
}

as_superuser()
{
	local database=$1
	shift
	"$bin/psql" -X -q -v ON_ERROR_STOP=1 "$@" -d "$(conninfo postgres "$database")"
}

# Which part uses this role's password file. The caller (root) may read them all.
part_of()
{
	case $1 in
	countersign_service | countersign_reports) echo service ;;
	countersign_keeper) echo keeper ;;
	*) echo caller ;;
	esac
}

write_passfile()
{
	local file=$COUNTERSIGN_SECRETS/$1.pass
	(umask 077 && printf '*:*:*:%s:%s\n' "$1" "$2" >"$file")
	if [ "$(id -u)" -eq 0 ] && [ "$(part_of "$1")" != caller ]; then
		chown "$("$tools/as.sh" --id "$(part_of "$1")")" "$file"
	fi
}

new_password()
{
	od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

init()
{
	"$tools/home.sh" make "$home"
	load_home
	if as_postgres test -f "$data/PG_VERSION"; then
		return
	fi
	[ -x "$bin/initdb" ] || give_up 'PostgreSQL 15 is missing; run tools/deps.sh run'
	if "$tools/as.sh" --separate; then
		echo 'cluster: PostgreSQL, keeper, service and devices run under four uids of their own'
	else
		echo 'cluster: not root, so all parts run as the caller; uids protect none from another'
	fi
	local password options=()
	password=$(new_password)
	write_passfile postgres "$password"
	[ "${1-}" != test ] || options=(--no-sync)
	# Not /dev/stdin: a pipe made by root cannot be opened again by another uid.
	printf '%s\n' "$password" | as_postgres tee "$COUNTERSIGN_HOME/pg/password" >/dev/null
	as_postgres chmod 0600 "$COUNTERSIGN_HOME/pg/password"
	as_postgres "$bin/initdb" -D "$data" -U postgres \
		--pwfile="$COUNTERSIGN_HOME/pg/password" --auth=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8 \
		--data-checksums "${options[@]}" >"$COUNTERSIGN_HOME/logs/initdb.log"
	as_postgres rm "$COUNTERSIGN_HOME/pg/password"
	echo 'local all all scram-sha-256' | as_postgres tee "$data/pg_hba.conf" >/dev/null
	as_postgres tee -a "$data/postgresql.conf" >/dev/null <<-END
		listen_addresses = ''
		port = $port
		unix_socket_directories = '$COUNTERSIGN_SOCKET'
		password_encryption = 'scram-sha-256'
		max_connections = 100
		shared_buffers = 64MB
		wal_compression = on
		log_line_prefix = '%m [%p] %u@%d '
	END
	start
	make_roles "${1-}"
}

# Passwords go through standard input, and a statement that fails is not written to the log.
make_roles()
{
	local role password
	for role in $roles; do
		password=$(new_password)
		write_passfile "$role" "$password"
		printf "SET log_min_error_statement = panic;\nCREATE ROLE %s LOGIN PASSWORD '%s';\n" \
			"$role" "$password"
	done | as_superuser postgres
	if [ "$1" = test ]; then
		echo 'ALTER ROLE countersign_owner CREATEDB;'
	else
		echo 'ALTER ROLE countersign_owner NOLOGIN;'
	fi | as_superuser postgres
}

start()
{
	if as_postgres "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; then
		return
	fi
	# After kill, processes that are still ending keep the shared memory for a moment.
	local try
	for try in $(seq 20); do
		if as_postgres "$bin/pg_ctl" -D "$data" -l "$log" -w -t 60 start >/dev/null 2>&1; then
			return
		fi
		sleep 0.25
	done
	as_postgres tail -n 20 "$log" >&2
	give_up 'PostgreSQL did not start'
}

stop()
{
	if as_postgres "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; then
		as_postgres "$bin/pg_ctl" -D "$data" -m "${1:-fast}" -w -t 60 stop >/dev/null
	fi
}

kill_all()
{
	local postmaster children
	postmaster=$(as_postgres head -n 1 "$data/postmaster.pid" 2>/dev/null) || return 0
	children=$(ps -o pid= --ppid "$postmaster" || true)
	# One command, so that none of them sees another's end and tidies up.
	kill -KILL $postmaster $children 2>/dev/null || true
	# Where the first process of the machine is slow to collect, a dead one keeps its number, and
	# PostgreSQL takes its lock file for that of a living server.
	local try
	for try in $(seq 200); do
		[ -d "/proc/$postmaster" ] || return 0
		if [ "$try" -gt 5 ] && grep -q '^State:.[ZX]' "/proc/$postmaster/status" 2>/dev/null; then
			as_postgres rm -f "$data/postmaster.pid"
			return 0
		fi
		sleep 0.05
	done
	give_up "process $postmaster survived SIGKILL"
}

migrate()
{
	local createdb status=0
	createdb=$(as_superuser postgres -At \
		-c "SELECT rolcreatedb FROM pg_roles WHERE rolname = 'countersign_owner'")
	[ "$createdb" = t ] || as_superuser postgres -c 'ALTER ROLE countersign_owner LOGIN'
	"$tree/sql/migrate.sh" "$(conninfo countersign_owner "$1")" || status=$?
	[ "$createdb" = t ] || as_superuser postgres -c 'ALTER ROLE countersign_owner NOLOGIN'
	return "$status"
}

createdb()
{
	as_superuser postgres <<-END
		CREATE DATABASE $1 OWNER countersign_owner;
		REVOKE ALL ON DATABASE $1 FROM PUBLIC;
		GRANT CONNECT ON DATABASE $1 TO countersign_service, countersign_keeper,
			countersign_reports, countersign_verifier;
	END
	as_superuser "$1" <<-END
		REVOKE ALL ON SCHEMA public FROM PUBLIC;
		ALTER SCHEMA public OWNER TO countersign_owner;
	END
}

need_name()
{
	case ${1-} in
	'' | *[!a-z0-9_]*) usage ;;
	esac
}

case $verb in
init)
	init "${1-}"
	;;
drop)
	if [ -f "$home/home.env" ]; then
		load_home
		stop immediate || kill_all
	fi
	"$tools/home.sh" drop "$home"
	;;
start | status | stop | kill | createdb | dropdb | migrate | conninfo | psql)
	load_home
	case $verb in
	start) start ;;
	status) as_postgres "$bin/pg_ctl" -D "$data" status ;;
	stop) stop "${1-}" ;;
	kill) kill_all ;;
	createdb) need_name "${1-}" && createdb "$1" ;;
	dropdb) need_name "${1-}" && echo "DROP DATABASE $1 WITH (FORCE);" | as_superuser postgres ;;
	migrate) need_name "${1-}" && migrate "$1" ;;
	conninfo) need_name "${1-}" && need_name "${2-}" && conninfo "$1" "$2" ;;
	psql) need_name "${1-}" && as_superuser "$@" ;;
	esac
	;;
*)
	usage
	;;
esac
