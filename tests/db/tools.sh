#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Is the private cluster closed to everybody without a password, is it durable, are the parts apart,
# and does sql/migrate.sh go forward only?
. "$(dirname "$0")/../support/tap.sh"

cluster="$tap_tree/tools/cluster.sh -h $COUNTERSIGN_TEST_PG"
secrets=$COUNTERSIGN_TEST_SECRETS
bin=/usr/lib/postgresql/15/bin

# ask ROLE DATABASE SQL
ask()
{
	"$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d "$($cluster conninfo "$1" "$2")" -c "$3"
}

answers()
{
	local said
	said=$(ask "$1" "$2" "$3") || return 1
	[ "$said" = "$4" ] || { echo "said: $said"; return 1; }
}

without_password()
{
	PGPASSFILE=/dev/null "$bin/psql" -X -w -h "$COUNTERSIGN_TEST_SOCKET" -U "$1" -d postgres -c 'SELECT 1'
}

with_other_password()
{
	sed 's/:countersign_service:/:countersign_keeper:/' "$secrets/countersign_service.pass" \
		>"$tap_folder/other.pass"
	chmod 0600 "$tap_folder/other.pass"
	"$bin/psql" -X -w -d "host=$COUNTERSIGN_TEST_SOCKET user=countersign_keeper dbname=postgres \
		passfile=$tap_folder/other.pass" -c 'SELECT 1'
}

new_database()
{
	ask countersign_owner postgres "CREATE DATABASE $1 TEMPLATE template0" >/dev/null
}

# --- the cluster ---
for role in owner service keeper reports verifier; do
	expect_success "countersign_$role connects with its password" \
		answers "countersign_$role" countersign_template 'SELECT current_user' "countersign_$role"
	expect_said "countersign_$role does not connect without it" 'no password supplied' \
		without_password "countersign_$role"
done
expect_said 'nor does the superuser' 'no password supplied' without_password postgres
expect_said 'the password of another role does not help' 'authentication failed' with_other_password
expect_success 'no TCP port is open' answers countersign_owner postgres 'SHOW listen_addresses' ''
expect_success 'fsync is on' answers countersign_owner postgres 'SHOW fsync' on
expect_success 'commits are waited for' answers countersign_owner postgres 'SHOW synchronous_commit' on
expect_success 'full pages are written' answers countersign_owner postgres 'SHOW full_page_writes' on
expect_success 'pages have checksums' answers countersign_owner postgres 'SHOW data_checksums' on
expect_success 'nobody but the cluster role is superuser' answers countersign_owner postgres \
	"SELECT count(*) FROM pg_roles WHERE rolname LIKE 'countersign%' AND (rolsuper OR rolreplication
		OR rolbypassrls OR rolcreaterole)" 0
expect_success 'what was committed is there after kill -9 of every process' sh -c "
	$bin/psql -X -q -d \"\$($cluster conninfo countersign_owner postgres)\" \
		-c 'CREATE DATABASE killed TEMPLATE countersign_template' &&
	$cluster kill && ! $cluster status && $cluster start &&
	$bin/psql -X -q -d \"\$($cluster conninfo countersign_owner killed)\" -c 'TABLE schema_version'"

# --- the parts ---
as="$tap_tree/tools/as.sh"
if "$as" --separate; then
	expect_failure 'the service cannot read the password of the keeper' \
		"$as" service -- cat "$secrets/countersign_keeper.pass"
	expect_success 'the keeper can' "$as" keeper -- cat "$secrets/countersign_keeper.pass"
	expect_failure 'the service cannot look into the folder of the keeper' \
		"$as" service -- ls "$COUNTERSIGN_TEST_HOME/keeper"
	expect_failure 'the service cannot write into the release repository' \
		"$as" service -- touch "$COUNTERSIGN_TEST_HOME/git/made_up"
	expect_failure 'a device cannot read the keys of the service' \
		"$as" device -- ls "$COUNTERSIGN_TEST_HOME/service"
	expect_said 'no part becomes root again' 'not permitted' \
		"$as" service -- setpriv --reuid 0 --clear-groups true
	for part in keeper service device; do
		expect_success "$part can execute the copied programs and rulesets" \
			"$as" "$part" -- test -x "$COUNTERSIGN_TEST_PROGRAMS" -a -x "$COUNTERSIGN_TEST_HOME/share"
	done
else
	echo "ok $((++tap_number)) - the parts are apart # SKIP not root"
fi

# --- migration, on a copy of sql/ ---
mkdir "$tap_folder/sql" "$tap_folder/sql/schema"
cp sql/migrate.sh "$tap_folder/sql/"
echo 'CREATE TABLE first (id int);' >"$tap_folder/sql/schema/0001_first.sql"
new_database migrated
migrate="$tap_folder/sql/migrate.sh"
conninfo=$($cluster conninfo countersign_owner migrated)
versions="SELECT string_agg(name, ' ' ORDER BY name) FROM schema_version"

expect_success 'an empty database is migrated' "$migrate" "$conninfo"
expect_success 'again changes nothing' "$migrate" "$conninfo"
expect_success 'the file is registered with its digest' answers countersign_owner migrated \
	'SELECT sha256 FROM schema_version' \
	"$(sha256sum "$tap_folder/sql/schema/0001_first.sql" | cut -d ' ' -f 1)"
echo 'CREATE TABLE second (id int); CREATE TABLE first (id int);' >"$tap_folder/sql/schema/0002_second.sql"
expect_said 'a file that fails is refused' '0002_second.sql was not applied' "$migrate" "$conninfo"
expect_success 'and nothing of it is kept' answers countersign_owner migrated \
	"SELECT to_regclass('second') IS NULL" t
echo 'CREATE TABLE second (id int);' >"$tap_folder/sql/schema/0002_second.sql"
expect_success 'once it is right it is applied' "$migrate" "$conninfo"
expect_success 'in order' answers countersign_owner migrated "$versions" '0001_first.sql 0002_second.sql'
echo 'CREATE TABLE third (id int);' >"$tap_folder/sql/schema/0003_third.sql"
echo '-- changed' >>"$tap_folder/sql/schema/0001_first.sql"
expect_said 'an applied file that changed stops it' '0001_first.sql changed after it was applied' \
	"$migrate" "$conninfo"
expect_success 'before anything new is applied' answers countersign_owner migrated "$versions" \
	'0001_first.sql 0002_second.sql'
tap_end
