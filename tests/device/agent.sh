#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The agent's command line: what it answers to people, without a server.
. "$(dirname "$0")/../support/tap.sh"

agent=${COUNTERSIGN_TEST_PROGRAMS:-build/san/bin}/countersign-agent
unit=$tap_folder/unit
mkdir "$unit"
openssl genpkey -algorithm ed25519 -out "$unit/report.key" 2>/dev/null
chmod 600 "$unit/report.key"
echo EXAMPLE-token >"$unit/token"
chmod 600 "$unit/token"
zero=$(printf '%064d' 1)
printf '{"roots":{"k":1,"spki_sha256":["%s"]}}' "$zero" >"$unit/pins"
cat >"$unit/agent.json" <<END
{"url": "http://127.0.0.1:9", "device": "EXAMPLE-unit", "product": "EXAMPLE-pump", "hardware": "r1",
 "token_file": "token", "report_key": "report.key", "pins": "pins", "health": "none"}
END

# exits STATUS COMMAND [ARGUMENT ...]
exits()
{
	local wanted=$1 status=0
	shift
	"$@" || status=$?
	echo "status $status"
	[ "$status" -eq "$wanted" ]
}
shows() { "$agent" show --config "$unit/agent.json" | grep -q "$1"; }
shows_json() { [ "$("$agent" show --json --config "$unit/agent.json" | jq -r "$1")" = "$2" ]; }

expect_success 'help says all settings' bash -c "'$agent' --help | grep -q health_deadline_s"
expect_success 'no verb is wrong usage' exits 2 "$agent"
expect_success 'an unknown option is wrong usage' exits 2 "$agent" run --config "$unit/agent.json" --twice
expect_success 'a missing reason is wrong usage' exits 2 "$agent" trust reset --config "$unit/agent.json"
expect_success 'a missing settings file is an error' exits 1 "$agent" show --config "$unit/none.json"
expect_success 'an agent that is not told its bank does not run' exits 1 \
	env -u BANK "$agent" run --once --config "$unit/agent.json"
expect_success 'a board makes its banks and waits for the server' exits 3 "$agent" board --once --dir "$unit"
expect_success 'the state is shown to people' shows 'boots  *bank A (1 boots counted)'
expect_success 'the state is shown to programs' shows_json '.step + " " + .active' 'none A'
expect_success 'roots are pinned from the first boot on' shows_json .pinned true

# A unit in use is not reset behind the agent's back.
"$agent" board --dir "$unit" 2>/dev/null &
board=$!
for _ in $(seq 50); do
	[ "$(shows_json .boots 2; echo $?)" = 0 ] && break
	sleep 0.1
done
expect_said 'a running agent is not disturbed' agent.busy \
	"$agent" trust reset --config "$unit/agent.json" --reason EXAMPLE
kill -TERM "$board"
expect_success 'a board ends when it is told to' wait "$board"
expect_success 'trust can be reset' "$agent" trust reset --config "$unit/agent.json" --reason 'EXAMPLE: new owner'
expect_success 'the reset is counted' shows_json .trust_resets 1
expect_success 'the reset stands in the journal' grep -q '"reason":"EXAMPLE: new owner"' "$unit/journal"

printf 'x' | dd of="$unit/memory" bs=1 seek=80 conv=notrunc 2>/dev/null
expect_said 'a damaged memory is noticed' agent.memory "$agent" show --config "$unit/agent.json"
tap_end
