#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The Debian 12 packages that Countersign needs: tools/deps.sh [--list] GROUP ...
#
#   run   to build the programs and to run them
#   demo  the real firmware that the demo and some tests install
#   test  to build and run the tests (with run and demo)
#   lint  the analyzers, the fuzzers, the coverage report
#
# Everything present: silent and without network. Something missing: installed when root or when
# sudo works without a password, else the one line to run is printed and the exit status is 1.
set -eu

run='gcc libc6-dev make mawk postgresql-15 postgresql-client-15 libpq-dev libmicrohttpd-dev
	libgnutls28-dev libjansson-dev libssl-dev libcurl4-openssl-dev libgit2-dev zlib1g-dev
	openssl util-linux procps'
demo='u-boot-qemu firmware-ath9k-htc firmware-microbit-micropython
	debian-installer-12-netboot-arm64 u-boot-tools jq git curl uuid-runtime'
test='libcmocka-dev softhsm2 opensc libengine-pkcs11-openssl golang-go golang-golang-x-mod-dev
	openssh-client python3'
lint='clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 cppcheck lcov'

list_only=
if [ "${1-}" = --list ]; then
	list_only=1
	shift
fi
wanted=
for group in "$@"; do
	case $group in
	run) wanted="$wanted $run" ;;
	demo) wanted="$wanted $run $demo" ;;
	test) wanted="$wanted $run $demo $test" ;;
	lint) wanted="$wanted $run $test $lint" ;;
	*) wanted= && break ;;
	esac
done
if [ -z "$wanted" ]; then
	echo 'usage: tools/deps.sh [--list] run|demo|test|lint ...' >&2
	exit 2
fi
wanted=$(printf '%s\n' $wanted | sort -u)
if [ -n "$list_only" ]; then
	echo "$wanted"
	exit 0
fi

missing_of_wanted()
{
	local present
	present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
		awk '$2 == "installed" { print $1 }' | sort -u)
	comm -23 <(echo "$wanted") <(echo "$present") | tr '\n' ' '
}

if ! command -v dpkg-query >/dev/null; then
	echo "tools/deps.sh: this is no Debian system; install what these packages hold:" $wanted >&2
	exit 1
fi
missing=$(missing_of_wanted)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	as_root='sudo -n'
else
	echo 'Some Debian packages are missing. Please run this, then try again:' >&2
	echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing" >&2
	exit 1
fi

# One installer at a time, also when make runs two groups at once.
exec 9<"$0"
flock 9
missing=$(missing_of_wanted)
[ -n "$missing" ] || exit 0
echo "deps: installing $missing"
apt()
{
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 \
		-o Acquire::Retries=3 "$@" </dev/null
}
log=$(mktemp "${TMPDIR:-/tmp}/countersign-deps.XXXXXX")
trap 'rm -f "$log"' EXIT
if ! { apt update && apt install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	echo "deps: apt-get could not install: $missing" >&2
	exit 1
fi
missing=$(missing_of_wanted)
if [ -n "$missing" ]; then
	echo "deps: still missing after the installation: $missing" >&2
	exit 1
fi
