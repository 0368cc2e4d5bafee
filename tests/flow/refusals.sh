#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an attacker inside can still do with real programs: files swapped on disk, answers sent again, rows edited by
# who owns the database. Is each refused with its own code, and does it leave an event or an export that fails?
. "$(dirname "$0")/../support/story.sh"

# ask PERSON METHOD PATH [BODY]: the answer; its status and code go to $work/status.
ask()
{
	curl -s --cacert "$COUNTERSIGN_CA" -X "$2" -H 'Content-Type: application/json' ${4:+-d "$4"} \
		-H "Authorization: Bearer $(jq -r .token "$H/people/$1/session")" -w '\n%{http_code}' \
		"$COUNTERSIGN_URL$3" >"$work/answer"
	sed '$d' "$work/answer" | tee "$work/answer.json"
	echo "$(tail -n 1 "$work/answer") $(jq -r '.code // empty' "$work/answer.json")" >"$work/status"
}

# answered STATUS CODE
answered() { cat "$work/answer.json" "$work/status"; [ "$(cat "$work/status")" = "$1 $2" ]; }

# events KIND [PART]: how many, among what is sealed.
events()
{
	story_settled >/dev/null
	story_sql countersign_verifier "SELECT count(*) FROM sealed s JOIN event e ON e.id = s.event WHERE e.kind = '$1'
		AND convert_from(e.bytes, 'UTF8') LIKE '%${2-}%'"
}

# seen NUMBER KIND [PART]
seen()
{
	local number
	number=$(events "$2" "${3-}")
	echo "$number events $2"
	[ "$number" = "$1" ]
}

# device UNIT METHOD PATH [BODY]: with its token.
device()
{
	curl -s -o "$work/answer.json" -w '%{http_code}' --cacert "$COUNTERSIGN_CA" -X "$2" ${4:+-d "$4"} \
		-H 'Content-Type: application/json' -H "Authorization: TargetToken $(cat "$H/devices/unit-$1/token")" \
		"$COUNTERSIGN_URL/DEFAULT/controller/v1/$3" >"$work/status"
	echo " $(jq -r '.code // empty' "$work/answer.json" 2>/dev/null)" >>"$work/status"
}

artifact_file() { local name; name=$(sha256sum <"$1" | cut -c1-64); echo "$H/artifacts/$(echo "$name" | cut -c1-2)/$name"; }

# swap FILE: one byte in its middle, as if nothing had happened to it.
swap()
{
	cp -p "$1" "$work/before"
	chmod u+w "$1"
	printf 'X' | dd of="$1" bs=1 seek=300000 conv=notrunc status=none
	touch -r "$work/before" "$1"
}

# edit SQL: as the superuser, past every trigger and check.
edit() { story_sql postgres "SET session_replication_role = replica; BEGIN; $1; COMMIT"; }

story_open 4
story_image good 1024

# ---- an artifact that was swapped on disk ----
story_release 1.0.0 1 good
story_start swapped unit-2
stored=$(artifact_file "$work/1.0.0.uimage")
expect_success 'the stored file is the image' cmp "$stored" "$work/1.0.0.uimage"
swap "$stored"
expect_success 'it keeps its size and time' \
	[ "$(stat -c '%s %Y' "$stored")" = "$(stat -c '%s %Y' "$work/before")" ]
expect_failure 'but not its bytes' cmp -s "$stored" "$work/before"
start_board 2
expect_success 'a board that is offered a swapped file waits' \
	story_await 20 'downloading 0' story_agent unit-2 '"\(.step) \(.job.written_bytes)"'
expect_success 'it was told why' \
	grep -q 'event=waiting.*not what was uploaded' "$H/logs/unit-2.log"
expect_success 'and the service recorded it once' seen 1 artifact.damaged '"code":"artifact.damaged"'
expect_success 'nothing was armed' seen 0 lease.issued '"step":"activate"'
expect_success 'the author uploads the file again' as p-author artifact put "$work/1.0.0.uimage"
expect_success 'the board finishes in its first attempt' story_await 30 'confirmed 1' story_state unit-2

# ---- another device ----
device 4 GET unit-2
expect_success "a device's token opens no other device's path" [ "$(cat "$work/status")" = '401 access.unidentified' ]
device 4 POST unit-2/proof '{}'
expect_success 'nor does it report for it' [ "$(cat "$work/status")" = '401 access.unidentified' ]
action=$(story_sql postgres "SELECT action_id FROM deployment WHERE device = 'unit-2'")
device 4 POST "unit-4/deploymentBase/$action/papers" \
	'{"attempt":1,"boot_id":"6d2c8e38-2cf2-4c53-9f64-0a2f21b8c1a1","nonce":"AAAAAAAAAAAAAAAAAAAAAA","step":"install","trust_version":{"maker":1}}'
expect_success "nor does it get papers for the other's action" [ "$(cat "$work/status")" = '404 device.action-unknown' ]
expect_success 'which is recorded' seen 1 device.refused '"code":"device.action-unknown"'

# ---- an answer that is sent again ----
story_release 2.0.0 2 good
ask p-manager POST /v1/campaigns "{\"name\":\"EXAMPLE replay\",\"release\":\"$release\",\"devices\":[\"unit-1\"]}" >/dev/null
campaign=$(jq -r .campaign "$work/answer.json")
ask p-manager POST /v1/challenges \
	"{\"meaning\":\"released\",\"object\":{\"kind\":\"campaign\",\"id\":\"$campaign\"},\"reason\":\"EXAMPLE\"}" >/dev/null
challenge=$(jq -r .challenge "$work/answer.json")
answer="{\"challenge\":\"$challenge\",\"password\":\"$(cat "$H/people/p-manager/password")\"}"
ask p-manager POST /v1/signatures "$answer" >/dev/null
expect_success 'a challenge takes its answer' answered 200 ''
ask p-manager POST /v1/signatures "$answer" >/dev/null
expect_success 'and not the same one again' answered 409 challenge.used
ask p-qa POST /v1/signatures "$answer" >/dev/null
expect_success 'nor from somebody else' answered 409 challenge.used
expect_success 'both replays are recorded' seen 2 signature.refused '"code":"challenge.used"'
expect_success 'there is one signature' seen 1 signature.given "$challenge"

# ---- rows that were edited ----
record=$(story_sql postgres "SELECT sha256 FROM record WHERE release = '$release'")
edited="convert_to(replace(convert_from(bytes, 'UTF8'), 'bench', 'couch'), 'UTF8')"
for table in record document event sealed signature verdict checkpoint; do
	column=$(story_sql postgres "SELECT column_name FROM information_schema.columns
		WHERE table_name = '$table' AND ordinal_position = 1")
	expect_said "nobody changes a row of $table" 'append-only' edit "UPDATE $table SET $column = $column"
done
expect_said 'without the trigger the digest of a document is still checked' 'violates check constraint' \
	edit "ALTER TABLE document DISABLE TRIGGER ALL; UPDATE document SET bytes = $edited WHERE sha256 = '$record'"
expect_success 'before that the gate is open' as p-qa gate show release "$release"
expect_success 'the owner takes trigger and check away and edits the sealed record' \
	edit "ALTER TABLE document DISABLE TRIGGER ALL; ALTER TABLE document DROP CONSTRAINT document_check;
		UPDATE document SET bytes = $edited WHERE sha256 = '$record'"
expect_said 'now the gate does not open' 'ledger.row-changed' as p-qa gate show release "$release"
ask p-manager POST "/v1/campaigns/$campaign/start" '{}' >/dev/null
expect_success 'and nothing starts' answered 422 ledger.row-changed
expect_success 'which is recorded' seen 1 campaign.refused '"code":"ledger.row-changed"'
expect_said 'nobody signs any more' 'ledger.row-changed' as p-qa sign release "$release" --meaning approved \
	$(password_of p-qa) --yes
expect_success 'an export is made all the same' as p-auditor audit export "$work/evidence"
expect_said 'and names the edited document' "$record" \
	"$H/bin/countersign-verify" "$work/evidence" --trust "$H/trust/trust-pin.json"
tap_end
