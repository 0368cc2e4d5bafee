# SPDX-License-Identifier: Apache-2.0
#
# What people do in an installation, for tools/demo.sh and tests/support/story.sh to source: from an empty
# folder to firmware on simulated boards, over the command line and real processes.
#
# The caller sets tools, tree, home (its folder), programs (folder of the built ones), boards (how many
# devices), work (scratch folder); `set -eu` is on or every step is looked at. It may define chapter,
# tell and give_up anew, and sets kernel (a file) before it makes releases. set_up sets H, the real
# folder of the home.

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
	printf '\nFAILED: %s\n' "$*" >&2
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
	. "$home/home.env"
	H=$COUNTERSIGN_HOME
	stop_boards
	"$tools/services.sh" -h "$home" stop >/dev/null 2>&1 || true
}

# ---- set-up ----

start_over()
{
	if [ -e "$home" ]; then
		if [ -f "$home/home.env" ]; then
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
	"$tools/setup.sh" "$home" "$programs" "$boards" >"$work/out" 2>"$work/err" ||
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

# ---- releases ----

# image FILE INITRD VERSION: kernel and initrd as one U-Boot multi-file image.
image()
{
	mkimage -A arm64 -O linux -T multi -C none -n "EXAMPLE pump $3" -d "$kernel:$2" "$1"
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

# create_campaign FILE NAME [DEVICES]: for all boards unless it says which.
create_campaign()
{
	as_saved p-manager "$1.campaign" --json campaign create --name "$2" --release "$release" \
		--devices "${3-$(seq -s , -f 'unit-%g' "$boards")}"
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
	step "$version: kernel and initrd packed into one image, $(stat -c %s "$kernel" "$initrd" | awk '{n += $1} END {printf "%.0f", n / 1e6}') MB" \
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
