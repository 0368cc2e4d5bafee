#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does kill -9 of any program, at any moment of a roll-out, lose anything that was acknowledged, begin an attempt
# twice, or damage the ledger? KILL_ROUNDS rounds (5); KILL_SEED=N repeats the choices of an earlier run.
. "$(dirname "$0")/../support/story.sh"

rounds=${KILL_ROUNDS:-5}
seed=${KILL_SEED:-$(date +%s)}
acknowledged=$work/acknowledged

# The nine boots that a bank can get: several kills must not look like bad firmware.
give_tries()
{
	local number
	for number in 1 2 3 4 5; do
		sed -i 's/"tries": 2/"tries": 9/' "$H/devices/unit-$number/agent.json"
	done
}

kill_round()
{
	"$tap_tree/tests/support/kill.py" "$home" "$seed-$1" "$campaign" 5 "$side_campaign" "$side_release" \
		"$acknowledged" | tee -a "$H/logs/kill.log"
	return "${PIPESTATUS[0]}"
}

# That the rounds were not all calm: each program came up again at least once in each.
were_killed()
{
	local services keepers crashes
	services=$(grep -c event=started "$H/logs/service.log")
	keepers=$(grep -c event=started "$H/logs/keeper.log")
	crashes=$(grep -c 'was not properly shut down' "$H/logs/pg/postgresql.log")
	echo "starts: service $services, keeper $keepers; crashes of PostgreSQL: $crashes"
	[ "$services" -gt "$round" ] && [ "$keepers" -gt "$round" ] && [ "$crashes" -ge "$round" ]
}

check_ledger()
{
	story_settled && story_ledger --acknowledged "$acknowledged"
}

story_open 6
give_tries
echo "# seed $seed"
story_image side 16
story_image small 256
story_image large 12288
story_release 0.1.0 1 side
side_release=$release
story_start side unit-6
side_campaign=$campaign
for number in 1 2 3 4 5; do start_board "$number"; done

for round in $(seq "$rounds"); do
	image=large
	[ $((round % 3)) -ne 0 ] || image=small
	story_campaign "1.$round.0" $((round + 1)) "$image" unit-1,unit-2,unit-3,unit-4,unit-5
	expect_success "round $round (seed $seed): all five boards are confirmed in their first attempt" kill_round "$round"
	expect_success "round $round: the ledger is whole and holds all that was acknowledged" check_ledger
	[ "$tap_failures" -eq 0 ] || break
done

expect_success 'service, keeper and PostgreSQL were killed in every round' were_killed
expect_said 'a changed byte of one event would be noticed' 'leaf hash' story_ledger --spoil byte
expect_said 'a missing row would be noticed' 'is missing' story_ledger --spoil row
expect_said 'a ledger that ends before what was acknowledged would be noticed' 'is not in the ledger' \
	story_ledger --acknowledged "$acknowledged" --spoil end
expect_said 'a second attempt without an end of the first would be noticed' 'had a recorded end' \
	story_ledger --spoil attempt
expect_said 'a false signature on the checkpoint would be noticed' 'does not hold' story_ledger --spoil signature
expect_said 'a hole in a stream would be noticed' 'goes from' story_ledger --spoil stream

verify_export()
{
	as p-auditor audit export "$work/evidence" &&
		"$H/bin/countersign-verify" "$work/evidence" --trust "$H/trust/trust-pin.json"
}
expect_success 'countersign-verify finds nothing wrong in an export of it' verify_export
tap_end
