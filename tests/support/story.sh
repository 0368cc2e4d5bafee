# SPDX-License-Identifier: Apache-2.0
#
# A whole installation for a test, made by the steps of tools/story.sh, and its end. Source it instead of tap.sh:
#
#	. "$(dirname "$0")/../support/story.sh"
#	story_open 6                     people, devices unit-1 to unit-6, services; H is its folder
#	story_image small 64             $work/small.initrd with so many KiB of noise
#	story_campaign 1.0.0 1 small unit-1,unit-2     release, signatures, campaign, start: $release, $campaign
#	start_board 1                    and whatever else tools/story.sh offers
#	tap_end
#
# Everything is stopped and removed at the end; STORY_KEEP=1 leaves the folder of a test that failed.
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

tools=$tap_tree/tools
tree=$tap_tree
home=$tree/var/test-$$
programs=${COUNTERSIGN_TEST_PROGRAMS:-$tree/${BUILD:-build}/bin}
work=$tap_folder
kernel=$work/kernel
boards=0
H=
. "$tools/story.sh"

chapter() { :; }
tell() { :; }

give_up()
{
	echo "not ok $((tap_number + 1)) - $*"
	exit 1
}

story_close()
{
	local code=$?
	trap - EXIT
	trap '' TERM INT
	stop_all
	if [ "$code" -ne 0 ] && [ -n "${STORY_KEEP-}" ]; then
		echo "# kept: $home"
	elif [ -e "$home" ]; then
		[ "$code" -eq 0 ] || tail -n 5 "$home"/logs/{keeper,service,unit-*}.log 2>&1 | sed 's/^/# /'
		"$tools/cluster.sh" -h "$home" drop >/dev/null 2>&1
	fi
	rm -rf "$tap_folder"
	exit "$code"
}

# story_open DEVICES
story_open()
{
	boards=$1
	trap story_close EXIT
	trap 'exit 143' TERM INT
	set -e
	set_up
	{ head -c 56 /dev/zero; printf 'ARM\144'; head -c 4036 /dev/zero; } >"$kernel"
	set +e
}

# One entry of a cpio archive (newc): NAME SIZE; the caller gives name and size what needs no padding.
story_cpio_head()
{
	printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' \
		1 33188 0 0 1 0 "$2" 0 0 0 0 $((${#1} + 1)) 0 "$1"
}

# story_image NAME KIB: an initrd that the health check of boards takes.
story_image()
{
	{
		story_cpio_head f $(($2 * 1024))
		head -c $(($2 * 1024)) /dev/urandom
		story_cpio_head 'TRAILER!!!' 0
		head -c 3 /dev/zero
	} | gzip -1 >"$work/$1.initrd"
}

# story_release VERSION SEQUENCE IMAGE: sealed, tested and approved; $release.
story_release()
{
	make_release "$1" "$1" "$2" "$work/$3.initrd"
	sign_all "$work/$1" 'EXAMPLE bench run'
}

# story_start NAME DEVICES: a campaign of $release, planned, signed and started; $campaign.
story_start()
{
	step "$1: planned" create_campaign "$work/$1" "EXAMPLE $1" "$2"
	campaign=$(jq -r .campaign "$work/$1.campaign")
	step "$1: signed" as p-manager sign campaign "$campaign" --meaning released --reason 'roll out' \
		$(password_of p-manager) --yes
	step "$1: started" as p-manager campaign start "$campaign"
}

# story_campaign VERSION SEQUENCE IMAGE DEVICES
story_campaign()
{
	story_release "$1" "$2" "$3"
	story_start "$1" "$4"
}

# story_state DEVICE: how its deployment in $campaign stands, and the attempt.
story_state()
{
	as p-manager --json campaign devices "$campaign" |
		jq -r --arg d "$1" '(.items // .)[] | select(.device == $d) | "\(.state) \(.attempt)"'
}

# story_await SECONDS WORDS COMMAND...: until it prints these words.
story_await()
{
	local left=$(($1 * 5)) words=$2 said
	shift 2
	while :; do
		said=$("$@" 2>&1)
		[ "$said" != "$words" ] || return 0
		left=$((left - 1))
		[ "$left" -gt 0 ] || { echo "expected '$words', last: '$said'"; return 1; }
		sleep 0.2
	done
}

# story_agent DEVICE FILTER: what the agent says of itself, through jq.
story_agent()
{
	"$tools/as.sh" device -- "$H/bin/countersign-agent" show --config "$H/devices/$1/agent.json" --json |
		jq -r "$2"
}

# story_sql DATABASE-ROLE SQL
story_sql()
{
	/usr/lib/postgresql/15/bin/psql -X -q -A -t -v ON_ERROR_STOP=1 \
		-d "$("$tools/cluster.sh" -h "$home" conninfo "$1" countersign)" -c "$2"
}

# Everything that was written is sealed and under a checkpoint, at most 10 s.
story_settled()
{
	story_await 10 'settled' story_sql postgres "SELECT CASE WHEN (SELECT count(*) FROM event_queue) = 0
		AND (SELECT max(size) FROM checkpoint) = (SELECT count(*) FROM sealed) THEN 'settled' END"
}

# story_ledger [ARGUMENT ...]: an independent look at the whole ledger, see ledger.py.
story_ledger()
{
	"$tap_tree/tests/support/ledger.py" "$("$tools/cluster.sh" -h "$home" conninfo countersign_verifier countersign)" \
		"$H/keys/keeper/ledger.pub" "$@"
}
