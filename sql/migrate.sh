#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Brings a database to the newest schema: sql/migrate.sh CONNINFO
#
# Applies sql/schema/NNNN_*.sql in order, forward only, each in one transaction that also registers
# it in schema_version; then sql/roles.sql, which may run again at any time. A file that was applied
# must never change: a different digest stops everything before the first statement. Run it as the
# owner role; CONNINFO names a passfile, no password.
set -eu

if [ $# -ne 1 ]; then
	echo 'usage: sql/migrate.sh CONNINFO' >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
psql=/usr/lib/postgresql/15/bin/psql
[ -x "$psql" ] || psql=psql

run_sql()
{
	PGOPTIONS='-c client_min_messages=warning' "$psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@" \
		-d "$conninfo"
}

conninfo=$1
run_sql <<'END'
CREATE TABLE IF NOT EXISTS schema_version (
	name text PRIMARY KEY,
	sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
	applied_at timestamptz NOT NULL DEFAULT now()
);
END
applied=$(run_sql -c "SELECT name || ' ' || sha256 FROM schema_version ORDER BY name")

digest_of()
{
	sha256sum "$1" | cut -d ' ' -f 1
}

# First look at everything, then touch anything.
for file in "$here"/schema/[0-9][0-9][0-9][0-9]_*.sql; do
	[ -f "$file" ] || continue
	name=$(basename "$file")
	was=$(printf '%s\n' "$applied" | awk -v name="$name" '$1 == name { print $2 }')
	if [ -n "$was" ] && [ "$was" != "$(digest_of "$file")" ]; then
		echo "sql/migrate.sh: $name changed after it was applied; write a new file instead" >&2
		exit 1
	fi
done

for file in "$here"/schema/[0-9][0-9][0-9][0-9]_*.sql; do
	[ -f "$file" ] || continue
	name=$(basename "$file")
	if printf '%s\n' "$applied" | grep -q "^$name "; then
		continue
	fi
	# The insert waits for and then refuses a second migrator of the same file.
	if ! run_sql --single-transaction -v name="$name" -v sha256="$(digest_of "$file")" \
		-f <(echo "INSERT INTO schema_version (name, sha256) VALUES (:'name', :'sha256');") \
		-f "$file" >/dev/null; then
		echo "sql/migrate.sh: $name was not applied; nothing of it was kept" >&2
		exit 1
	fi
done

if [ -f "$here/roles.sql" ]; then
	run_sql --single-transaction -f "$here/roles.sql"
fi
