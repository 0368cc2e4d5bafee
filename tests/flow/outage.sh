#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Keeper, service, database away or a campaign held while a board installs: is nothing opened meanwhile, does the
# board wait with the bytes it has, is no attempt counted, and does it finish once all is back?
. "$(dirname "$0")/../support/story.sh"

# step_of UNIT: read from the file, because the right moment is short.
step_of() { sed -n '2s/.*"step":"\([a-z-]*\)","version.*/\1/p' "$H/devices/unit-$1/memory" 2>/dev/null; }

# install_begun UNIT [WORDS]: started, and the first bytes are on their way, or as many as the words say.
install_begun()
{
	local left=4000
	start_board "$1"
	until [ "$(step_of "$1")" = downloading ] && grep -q "${2-}" "$H/devices/unit-$1/memory"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || { echo "unit-$1 does not begin: $(step_of "$1")"; return 1; }
		sleep 0.002
	done
}

# holds_bytes UNIT: the agent says so itself.
holds_bytes()
{
	story_await 20 "downloaded 1 true" story_agent "unit-$1" \
		'"\(.step) \(.job.attempt) \(.job.size_bytes > 40000000 and .job.written_bytes == .job.size_bytes)"'
}

# still_waits UNIT: for three seconds more, and the ledger has no activate lease and no end.
still_waits()
{
	sleep 3
	holds_bytes "$1" && ! same_bank_of "$1" &&
		[ "$(events "$1" lease.issued '"step":"activate"')" = 0 ] && [ "$(events "$1" deployment.ended)" = 0 ]
}

# events UNIT KIND [PART]: how many of them the database holds, sealed or not.
events()
{
	story_sql postgres "SELECT count(*) FROM event WHERE kind = '$2'
		AND convert_from(bytes, 'UTF8') LIKE '%{\"id\":\"unit-$1\",\"kind\":\"device\"%'
		AND convert_from(bytes, 'UTF8') LIKE '%${3-}%'"
}

# finishes UNIT: confirmed in its first attempt, with the image in the bank that it runs.
finishes()
{
	story_await 60 'confirmed 1' story_state "unit-$1" && same_bank_of "$1" &&
		[ "$(events "$1" deployment.offered)" = 1 ] && [ "$(events "$1" deployment.ended)" = 1 ]
}

same_bank_of()
{
	[ "$(story_agent "unit-$1" .active)" = B ] &&
		cmp -n "$(stat -c %s "$work/1.0.0.uimage")" "$H/devices/unit-$1/bank-b" "$work/1.0.0.uimage"
}

# refuses STATUS CODE PERSON PATH: an empty POST.
refuses()
{
	local said
	said=$(curl -s --cacert "$COUNTERSIGN_CA" -X POST -H 'Content-Type: application/json' -d '{}' -w ' %{http_code}' \
		-H "Authorization: Bearer $(jq -r .token "$H/people/$3/session")" "$COUNTERSIGN_URL$4")
	echo "$said"
	[ "${said##* }" = "$1" ] && [ "$(echo "${said% *}" | jq -r .code)" = "$2" ]
}

# offers UNIT: does a poll show it something to install?
offers()
{
	curl -s --cacert "$COUNTERSIGN_CA" -H "Authorization: TargetToken $(cat "$H/devices/unit-$1/token")" \
		"$COUNTERSIGN_URL/DEFAULT/controller/v1/unit-$1" | grep -o deploymentBase | head -n 1
}

campaign_state() { as p-manager --json campaign show "$1" | jq -r .state; }

signal() { kill "-$2" "$(cat "$H/run/$1.pid")"; }

# planned UNIT: another campaign, whose gate is open, and which nobody started.
planned()
{
	step 'planned' create_campaign "$work/later-$1" "EXAMPLE later $1" "unit-$1" &&
		later=$(jq -r .campaign "$work/later-$1.campaign") &&
		step 'signed' as p-manager sign campaign "$later" --meaning released $(password_of p-manager) --yes
}

story_open 6
story_image large 49152
story_release 1.0.0 1 large

# ---- the keeper does not answer ----
planned 6
story_start stopped unit-1
expect_success 'a board begins' install_begun 1
signal keeper STOP
expect_success 'with the keeper stopped a start fails with keeper.unavailable' \
	refuses 503 keeper.unavailable p-manager "/v1/campaigns/$later/start"
expect_said 'the command line says so, too' 'keeper.unavailable' as p-manager campaign start "$later"
expect_success 'the campaign was not opened' \
	story_await 5 submitted campaign_state "$later"
expect_success 'the board has all bytes and keeps them' holds_bytes 1
expect_success 'it waits, without leave and without an end' still_waits 1
expect_success 'it is in its first attempt' story_await 5 'downloaded 1' story_state unit-1
signal keeper CONT
expect_success 'it finishes when the keeper goes on' finishes 1
expect_success 'and the other campaign starts' as p-manager campaign start "$later"

# ---- the keeper is gone ----
story_start gone unit-2
expect_success 'another board begins' install_begun 2
signal keeper TERM
"$tools/services.sh" -h "$home" stop keeper
expect_success 'without a keeper a release is not sealed' \
	refuses 503 keeper.unavailable p-author "/v1/releases/$release/seal"
expect_said 'nothing is signed' 'keeper.unavailable' as p-qa sign release "$release" --meaning approved \
	$(password_of p-qa) --yes
expect_success 'but a campaign is held' as p-manager campaign hold "$later" --reason 'EXAMPLE caution'
expect_success 'the board has all bytes and keeps them' holds_bytes 2
expect_success 'it waits, without leave and without an end' still_waits 2
expect_success 'the keeper starts again' "$tools/services.sh" -h "$home" start keeper
expect_success 'the board finishes' finishes 2

# ---- a hold ----
story_start held unit-3
expect_success 'a third board begins' install_begun 3
expect_success 'its campaign is held' as p-manager campaign hold "$campaign" --reason 'EXAMPLE odd smell'
expect_success 'the board takes in the bytes' holds_bytes 3
expect_success 'and is given no leave to activate them' still_waits 3
expect_success 'the hold is resumed with a signature' as p-manager campaign resume "$campaign" \
	--reason 'EXAMPLE found it' $(password_of p-manager) --yes
expect_success 'the board finishes' finishes 3

# ---- the service is gone ----
story_start deaf unit-4
expect_success 'a fourth board begins, and has some of the bytes' install_begun 4 '"written_bytes":[1-9]'
signal service KILL
before=$(story_agent unit-4 '"\(.step) \(.job.attempt)"')
sleep 2
expect_success 'without the service the agent lives on, where it was' \
	story_await 1 "$before" story_agent unit-4 '"\(.step) \(.job.attempt)"'
expect_success 'it is known that it waits' grep -q event=waiting "$H/logs/unit-4.log"
expect_success 'the service starts again' "$tools/services.sh" -h "$home" start service
expect_success 'the board finishes' finishes 4
expect_success 'it fetched only what it lacked' grep -q 'event=download .*from=[1-9]' "$H/logs/unit-4.log"

# ---- the database is gone ----
story_start lost unit-6
expect_success 'a device is offered its campaign' story_await 5 deploymentBase offers 6
"$tools/cluster.sh" -h "$home" stop immediate
expect_success 'without the database nothing is offered' story_await 0 '' offers 6
start_board 6
sleep 3
expect_success 'the agent waits' story_await 1 none story_agent unit-6 .step
expect_success 'nor does a campaign start' refuses 503 database.unavailable p-manager "/v1/campaigns/$campaign/start"
expect_success 'the database starts again' "$tools/cluster.sh" -h "$home" start
expect_success 'the board finishes' finishes 6

expect_success 'everything is sealed' story_settled
expect_success 'the ledger is whole' story_ledger
tap_end
