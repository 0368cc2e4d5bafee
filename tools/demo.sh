#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The demo: an installation of its own in var/demo, with invented people (EXAMPLE), real firmware from
# Debian's packages and five simulated boards, from the author's desk to the devices' banks.
#
#   tools/demo.sh demo     sets up and tells the story; any step that does not come out as told: exit 1
#   tools/demo.sh run      sets up var/run and leaves everything running, without the story
#
# BUILD names the folder of the built programs. DEMO_KEEP=1 leaves the demo running.
set -eu
umask 022

tools=$(cd "$(dirname "$0")" && pwd)
tree=$(dirname "$tools")
cd "$tree"
mode=${1-demo}
build=$(cd "${BUILD:-build}" && pwd)
case $mode in
demo) home=$tree/var/demo ;;
run) home=$tree/var/run ;;
*)
	sed -n '/^#   tools/s/^#   //p' "$0" >&2
	exit 2
	;;
esac
boards=5
images=/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64
began=$(date +%s%N)
steps=0

# ---- telling ----

elapsed()
{
	local ms=$((($(date +%s%N) - began) / 1000000))
	printf '%3d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

chapter() { printf '\n%s\n' "$*"; }
tell() { printf '  [%s] %s\n' "$(elapsed)" "$*"; }

give_up()
{
	printf '\nDEMO FAILED: %s\n' "$*" >&2
	exit 1
}

# step SENTENCE COMMAND...: must succeed; what it prints goes to logs/demo.log.
step()
{
	local sentence=$1
	shift
	if ! "$@" >"$work/out" 2>"$work/err"; then
		cat "$work/out" "$work/err" >&2
		give_up "$sentence"
	fi
	{ echo "== $sentence"; cat "$work/out" "$work/err"; } >>"$H/logs/demo.log"
	steps=$((steps + 1))
	tell "$sentence"
}

# refused SENTENCE WORDS COMMAND...: must fail, and must say these words.
refused()
{
	local sentence=$1 words=$2
	shift 2
	if "$@" >"$work/out" 2>"$work/err"; then
		cat "$work/out" >&2
		give_up "$sentence: it was not refused"
	fi
	if ! cat "$work/out" "$work/err" | grep -q -e "$words"; then
		cat "$work/out" "$work/err" >&2
		give_up "$sentence: it was refused, but not with '$words'"
	fi
	steps=$((steps + 1))
	tell "$sentence"
	cat "$work/out" "$work/err" | grep -m 1 -e "$words" | sed 's/^ *//; s/^/             "/; s/$/"/'
}

# ---- people and programs ----

cs() { "$H/bin/countersign" "$@"; }

# as PERSON COMMAND...: a command line command in that person's session.
as()
{
	local person=$1
	shift
	COUNTERSIGN_SESSION="$H/people/$person/session" "$H/bin/countersign" "$@"
}

as_saved()
{
	local person=$1 file=$2
	shift 2
	as "$person" "$@" >"$file"
}

person_key() { echo --key "$H/keys/people/$1/key.pem" --cert "$H/keys/people/$1/cert.pem"; }
password_of() { echo --password-file "$H/people/$1/password"; }

start_board()
{
	setsid "$tools/as.sh" device -- "$H/bin/countersign-agent" board --dir "$H/devices/unit-$1" \
		>>"$H/logs/unit-$1.log" 2>&1 </dev/null &
	echo $! >"$H/run/unit-$1.pid"
}

stop_boards()
{
	local number pid
	for number in $(seq "$boards"); do
		pid=$(cat "$H/run/unit-$number.pid" 2>/dev/null) || continue
		kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
		rm -f "$H/run/unit-$number.pid"
	done
}

stop_all()
{
	[ -f "$home/home.env" ] || return 0
	stop_boards
	"$tools/services.sh" -h "$home" stop >/dev/null 2>&1 || true
}

# ---- set-up ----

start_over()
{
	if [ -e "$home" ]; then
		if [ -f "$home/home.env" ]; then
			. "$home/home.env"
			H=$COUNTERSIGN_HOME
			stop_all
			"$tools/cluster.sh" -h "$home" drop >/dev/null 2>&1 || true
		fi
		"$tools/home.sh" drop "$home"
	fi
	mkdir -p "$(dirname "$home")"
}

# Trust entries: everything by its certificate or public key.
write_trust_entries()
{
	mkdir -p "$H/trust"
	jq -n --arg H "$H" '[
		{role: "author", name: "EXAMPLE author", person: "p-author", cert: ($H + "/keys/author/cert.pem"), products: ["pump-a"]},
		{role: "keeper", name: "EXAMPLE keeper", cert: ($H + "/keys/keeper/cert.pem")},
		{role: "lease", name: "EXAMPLE lease key", key: ($H + "/keys/keeper/lease.pub")},
		{role: "ledger", name: "EXAMPLE ledger key", key: ($H + "/keys/keeper/ledger.pub")},
		{role: "git", name: "EXAMPLE git key", key: ($H + "/keys/keeper/git.pub")},
		{role: "admin", name: "EXAMPLE Ada", person: "p-ada", cert: ($H + "/keys/people/p-ada/cert.pem")},
		{role: "admin", name: "EXAMPLE Ben", person: "p-ben", cert: ($H + "/keys/people/p-ben/cert.pem")}
	]' >"$H/trust/entries.json"
}

people='p-ada:admin p-ben:admin p-author:author p-tester:tester p-qa:qa p-manager:release_manager p-auditor:auditor'

write_first_acts()
{
	local pair person role number
	mkdir -p "$H/people"
	{
		for pair in $people; do
			person=${pair%%:*}
			role=${pair##*:}
			mkdir -p "$H/people/$person"
			jq -n --arg p "$person" --arg r "$role" --arg t "$H/people/$person/token" '
				{act: "person.add", person: $p, name: ("EXAMPLE " + ($p | ltrimstr("p-"))), organisation: "EXAMPLE maker"},
				{act: "role.grant", person: $p, role: $r, product: "*"},
				{act: "person.invite", person: $p, token_file: $t, valid_hours: 24}'
		done
		for person in p-ada p-ben p-qa; do
			jq -n --arg p "$person" --arg c "$H/keys/people/$person/cert.pem" \
				'{act: "key.enrol", person: $p, certificate_file: $c}'
		done
		jq -n '{act: "product.put", product: "pump-a", name: "EXAMPLE infusion pump", hardware: ["rev-1"], rulesets: ["baseline"]}'
		for number in $(seq "$boards"); do
			jq -n --arg d "unit-$number" --arg k "$H/devices/unit-$number/report.pub" '
				{act: "device.register", device: $d, product: "pump-a", serial: ("EXAMPLE-" + $d), hardware: "rev-1",
				 market: "EU", site: "clinic-1", assurance: "permit-checked", report_key_file: $k}'
		done
	} | jq -s . >"$H/trust/acts-1.json"
	jq -n --arg f "$H/share/rulesets/baseline.json" '[{act: "ruleset.adopt", ruleset_file: $f}]' >"$H/trust/acts-2.json"
}

# statement NUMBER REASON: drafted, signed by both admins, put.
statement()
{
	local file=$H/trust/statement-$1.json
	cs directory draft --acts "$H/trust/acts-$1.json" --reason "$2" --out "$file" &&
		cs directory sign "$file" $(person_key p-ada) --out "$file.ada.p7s" --yes &&
		cs directory sign "$file" $(person_key p-ben) --out "$file.ben.p7s" --yes &&
		cs directory put "$file" --cms "$file.ada.p7s" --cms "$file.ben.p7s"
}

set_passwords()
{
	local pair person
	for pair in $people; do
		person=${pair%%:*}
		(umask 077 && head -c 18 /dev/urandom | base64 >"$H/people/$person/password")
		cs password set "$person" --token-file "$H/people/$person/token" $(password_of "$person") || return 1
		as "$person" login "$person" $(password_of "$person") || return 1
	done
}

# The canonical bytes of the ruleset, which is kept readable in the tree.
put_ruleset() { as p-ada document put "$H/share/rulesets/baseline.json"; }

give_access()
{
	local number dir
	for number in $(seq "$boards"); do
		dir=$H/devices/unit-$number
		if [ $((number % 2)) -eq 1 ]; then
			as p-ada device access "unit-$number" --certificate "$dir/tls.pem" || return 1
		else
			as p-ada device access "unit-$number" --token-file "$dir/token" || return 1
		fi
		[ "$(id -u)" -ne 0 ] || chown -R "$("$tools/as.sh" --id device)" "$dir"
	done
}

# Two banks of 80 MB; the one that every board left the factory with holds the boot loader image of
# Debian's u-boot-qemu.
fill_banks()
{
	local number
	for number in $(seq "$boards"); do
		cp /usr/lib/u-boot/qemu_arm64/u-boot.bin "$H/devices/unit-$number/bank-a"
		truncate -s 80M "$H/devices/unit-$number/bank-a" "$H/devices/unit-$number/bank-b"
		[ "$(id -u)" -ne 0 ] || chown -R "$("$tools/as.sh" --id device)" "$H/devices/unit-$number"
	done
}

write_accounts()
{
	. "$H/home.env"
	jq -n --arg H "$H" --arg url "$COUNTERSIGN_URL" --arg ca "$COUNTERSIGN_CA" --arg boards "$boards" '{
		note: "EXAMPLE: invented people and development keys; nothing here is secret or fit for production",
		url: $url, ca: $ca, trust_file: ($H + "/trust/trust-pin.json"),
		people: [$ARGS.positional[] | split(":") | {person: .[0], role: .[1],
			password: ($H + "/people/" + .[0] + "/password"), session: ($H + "/people/" + .[0] + "/session"),
			key: (if .[0] == "p-ada" or .[0] == "p-ben" or .[0] == "p-qa" then $H + "/keys/people/" + .[0] + "/key.pem" else null end),
			certificate: (if .[0] == "p-ada" or .[0] == "p-ben" or .[0] == "p-qa" then $H + "/keys/people/" + .[0] + "/cert.pem" else null end)}],
		author: {key: ($H + "/keys/author/key.pem"), certificate: ($H + "/keys/author/cert.pem")},
		devices: [range(1; ($boards | tonumber) + 1) | {device: "unit-\(.)", folder: "\($H)/devices/unit-\(.)",
			token: (if . % 2 == 0 then "\($H)/devices/unit-\(.)/token" else null end),
			certificate: (if . % 2 == 1 then "\($H)/devices/unit-\(.)/tls.pem" else null end)}]
	}' --args $people >"$work/accounts.json"
	for pair in $people; do
		person=${pair%%:*}
		jq --arg p "$person" --rawfile w "$H/people/$person/password" \
			'(.people[] | select(.person == $p)).password = ($w | rtrimstr("\n"))' \
			"$work/accounts.json" >"$work/accounts.next"
		mv "$work/accounts.next" "$work/accounts.json"
	done
	install -m 0600 "$work/accounts.json" "$H/accounts.json"
}

set_up()
{
	chapter "Setting up ${home#"$tree"/}: everything of its own, all names invented (EXAMPLE)"
	if [ "$(id -u)" -eq 0 ]; then
		tell "PostgreSQL, keeper, service and devices run under uids of their own"
	else
		tell "not root: all parts run as $(id -un); in production each has its own user"
	fi
	start_over
	work=$(mktemp -d)
	trap 'stop_when_done' EXIT
	"$tools/setup.sh" "$home" "$build/bin" "$boards" >"$work/out" 2>"$work/err" ||
		{ cat "$work/out" "$work/err" >&2; give_up 'the installation could not be made'; }
	. "$home/home.env"
	H=$COUNTERSIGN_HOME
	export COUNTERSIGN_URL COUNTERSIGN_CA
	export COUNTERSIGN_SESSION=$H/people/nobody
	tell 'private database, keys and certificates made'
	write_trust_entries
	step 'trust document written, signed with root keys 1 and 2 of 3' \
		cs trust init --dir "$H/trust" --entries "$H/trust/entries.json" --origin countersign.example/ledger --pki "$H/pki"
	install -m 0644 "$H/trust/trust-pin.json" "$H/share/trust-pin.json"
	step 'keeper and service started' "$tools/services.sh" -h "$home" start keeper service
	step 'trust document put into force' cs trust put --document "$H/trust/trust.json" \
		--cms "$H/trust/trust.json.1.p7s" --cms "$H/trust/trust.json.2.p7s"
	write_first_acts
	step 'seven people, one product, five devices: one statement, signed by two admins' statement 1 'first people'
	step 'everybody sets a password with their invitation' set_passwords
	step 'ruleset baseline uploaded' put_ruleset
	step 'ruleset adopted by the two admins' statement 2 'rules of the game'
	step 'devices get tokens or have their certificates registered' give_access
	fill_banks
	write_accounts
}

stop_when_done()
{
	local code=$?
	if [ "$code" -eq 0 ] && { [ "${DEMO_KEEP-}" = 1 ] || [ "$mode" = run ]; }; then
		printf '\nStill running at %s; accounts: %s\n' "$COUNTERSIGN_URL" "${home#"$tree"/}/accounts.json"
		printf 'Stop it: tools/services.sh -h %s stop\n' "${home#"$tree"/}"
	else
		stop_all
	fi
	rm -rf "$work"
	return $code
}

# ---- releases ----

# image FILE INITRD VERSION: kernel and initrd as one U-Boot multi-file image.
image()
{
	mkimage -A arm64 -O linux -T multi -C none -n "EXAMPLE pump $3" -d "$images/linux:$2" "$1"
}

make_manifest()
{
	cs manifest make --product pump-a --version "$2" --sequence "$3" --hardware rev-1 \
		--artifact "pump.uimage=$1.uimage" --out "$1.manifest.json" &&
		cs manifest sign "$1.manifest.json" --key "$H/keys/author/key.pem" --cert "$H/keys/author/cert.pem" \
			--out "$1.manifest.p7s"
}

draft_release()
{
	as p-author artifact put "$1.uimage" &&
		as_saved p-author "$1.release" --json release create --manifest "$1.manifest.json" --cms "$1.manifest.p7s"
}

add_record()
{
	as_saved p-tester "$1.record" --json record add "$release" --kind test --result passed --summary "$2"
}

create_campaign()
{
	as_saved p-manager "$1.campaign" --json campaign create --name "$2" --release "$release" \
		--devices "$(seq -s , -f 'unit-%g' "$boards")"
}

sign_all()
{
	step 'the tester adds a passed test record that names the exact digest' add_record "$1" "$2"
	record=$(jq -r .record "$1.record")
	step 'the tester signs it with password, by one-time challenge' \
		as p-tester sign record "$record" --meaning tested --reason 'ran it on the bench' $(password_of p-tester) --yes
	step 'QA looks at what it signs and approves with a personal key' \
		as p-qa sign release "$release" --meaning approved --reason 'record and manifest reviewed' $(person_key p-qa) --yes
}

# A release from the author's desk until it is sealed.
make_release()
{
	local name=$1 version=$2 sequence=$3 initrd=$4
	step "$version: kernel and initrd packed into one image, $(stat -c %s "$images/linux" "$initrd" | awk '{n += $1} END {printf "%.0f", n / 1e6}') MB" \
		image "$work/$name.uimage" "$initrd" "$version"
	step "$version: manifest made and signed with the author's own key, outside the service" \
		make_manifest "$work/$name" "$version" "$sequence"
	step "$version: firmware uploaded, checked and stored by its digest" draft_release "$work/$name"
	release=$(jq -r .release "$work/$name.release")
	step "$version: sealed by the keeper; from here on nothing in it can change" as p-author release seal "$release"
}

# states: "3 confirmed, 2 testing"
states()
{
	as p-manager --json campaign devices "$campaign" | jq -r '[(.items // .)[].state] | group_by(.) | map("\(length) \(.[0])") | join(", ")'
}

# await_all STATE SECONDS
await_all()
{
	local wanted=$1 left=$(($2 * 2)) now last=
	while :; do
		now=$(states) || now='no answer'
		[ "$now" = "$last" ] || tell "        $now"
		last=$now
		[ "$now" != "$boards $wanted" ] || return 0
		left=$((left - 1))
		[ "$left" -gt 0 ] || give_up "not all boards came to $wanted: $now; see $H/logs/"
		sleep 0.5
	done
}

# same_bank BANK FILE: every board's bank begins with this file.
same_bank()
{
	local number size
	size=$(stat -c %s "$2")
	for number in $(seq "$boards"); do
		cmp -n "$size" "$H/devices/unit-$number/bank-$1" "$2" || return 1
	done
}

# ---- the story ----

first_release()
{
	chapter 'A release, and a gate that stays closed until the right people have signed'
	make_release good 1.0.0 1 "$images/initrd.gz"
	first=$release
	step 'the release manager plans a campaign for five boards' create_campaign "$work/good" 'EXAMPLE first roll-out'
	campaign=$(jq -r .campaign "$work/good.campaign")
	refused 'start refused: the gate says what is missing' 'gate is closed' as p-manager campaign start "$campaign"
	refused 'gate show says why and what to do' 'To do:' as p-manager gate show release "$release"
	refused "the author's own approval is refused" 'worked on' \
		as p-author sign release "$release" --meaning approved --reason 'looks good to me' $(password_of p-author) --yes
	sign_all "$work/good" 'EXAMPLE bench run, all checks passed'
	step 'the release gate is open' as p-qa gate show release "$release"
	step 'the release manager signs the plan' \
		as p-manager sign campaign "$campaign" --meaning released --reason 'roll out' $(password_of p-manager) --yes
	step 'the campaign starts: the keeper issues its permit' as p-manager campaign start "$campaign"
}

install_everywhere()
{
	chapter 'Five boards take it: papers, lease, idle bank, read back, test, confirm'
	local number
	for number in $(seq "$boards"); do start_board "$number"; done
	await_all confirmed 60
	step "all $boards banks hold the image byte for byte, and each board signed that it runs it" \
		same_bank b "$work/good.uimage"
}

bad_release()
{
	chapter 'A second release, made in good faith, whose initrd was cut on the way'
	head -c 20000000 "$images/initrd.gz" >"$work/cut.gz"
	make_release bad 1.1.0 2 "$work/cut.gz"
	sign_all "$work/bad" 'EXAMPLE bench run on a good copy'
	step 'a campaign for the same boards' create_campaign "$work/bad" 'EXAMPLE second roll-out'
	campaign=$(jq -r .campaign "$work/bad.campaign")
	step 'the release manager signs the plan' \
		as p-manager sign campaign "$campaign" --meaning released --reason 'roll out' $(password_of p-manager) --yes
	step 'the campaign starts' as p-manager campaign start "$campaign"
	await_all rolled_back 90
	tell 'every board tried it, found that the initrd does not unpack, and went back by itself'
}

proof()
{
	chapter 'Proof for a stranger'
	stop_boards
	step 'the auditor takes the evidence away' as p-auditor audit export "$H/evidence"
	step 'countersign-verify, with the root keys pinned from outside: everything holds' \
		"$H/bin/countersign-verify" "$H/evidence" --trust "$H/trust/trust-pin.json"
	sed -n 's/^/             /p' "$work/out" | head -n 12
	cp -r "$H/evidence" "$work/forged"
	local victim
	victim=$(find "$work/forged/content/documents" -type f | sort | head -n 1)
	printf 'X' | dd of="$victim" bs=1 seek=40 conv=notrunc status=none
	refused 'the same package with one byte changed: the file is named' "$(basename "$victim")" \
		"$H/bin/countersign-verify" "$work/forged" --trust "$H/trust/trust-pin.json"
}

summary()
{
	chapter 'Summary'
	printf '  %d steps came out as told in %s.\n' "$steps" "$(elapsed | sed 's/^ *//')"
	printf '  Ledger: %s events sealed. Evidence: %s\n' \
		"$(jq -r .size "$H/evidence/manifest.json")" "${home#"$tree"/}/evidence"
	printf '  Accounts, keys, devices: %s\n' "${home#"$tree"/}/accounts.json"
}

set_up
if [ "$mode" = demo ]; then
	first_release
	install_everywhere
	bad_release
	proof
	summary
else
	for number in $(seq "$boards"); do start_board "$number"; done
fi
