# SPDX-License-Identifier: Apache-2.0
#
# A private PostgreSQL cluster for one run of tests or measurements, for tests/run and bench/run.sh to
# source. The caller sets test_dir (whose bin/ holds the programs), logs (scratch folder) and home=.

# A cluster of its own for this run, with an empty migrated database to copy, and the programs where
# every part can execute them.
make_home()
{
	local programs=
	[ ! -d "$test_dir/bin" ] || programs=$test_dir/bin
	tools/cluster.sh -h "$home" init test &&
		tools/cluster.sh -h "$home" createdb countersign_template &&
		tools/cluster.sh -h "$home" migrate countersign_template &&
		tools/home.sh make "$home" $programs
}

start_cluster()
{
	home=$PWD/var/test-$$
	if ! make_home >"$logs/cluster" 2>&1; then
		cat "$logs/cluster"
		echo 'The test database did not start' >&2
		return 1
	fi
	. "$home/home.env"
	export COUNTERSIGN_TEST_HOME=$COUNTERSIGN_HOME COUNTERSIGN_TEST_PG=$home
	export COUNTERSIGN_TEST_RUNTIME=$COUNTERSIGN_RUNTIME COUNTERSIGN_TEST_SOCKET=$COUNTERSIGN_SOCKET
	export COUNTERSIGN_TEST_SECRETS=$COUNTERSIGN_SECRETS
	export COUNTERSIGN_TEST_TEMPLATE=countersign_template
	export COUNTERSIGN_TEST_PROGRAMS=$COUNTERSIGN_PROGRAMS COUNTERSIGN_TEST_TOOLS=$PWD/tools
}

drop_cluster()
{
	if [ -n "$home" ]; then
		tools/cluster.sh -h "$home" drop >/dev/null 2>&1
	fi
}
