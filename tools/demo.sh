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
programs=$(cd "${BUILD:-build}" && pwd)/bin
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
kernel=$images/linux
. "$tools/story.sh"

give_up()
{
	printf '\nDEMO FAILED: %s\n' "$*" >&2
	exit 1
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

work=$(mktemp -d)
trap 'stop_when_done' EXIT
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
