#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A home is the folder of one installation (var/demo, var/run, var/test-N):
#
#   pg/         the PostgreSQL cluster                      of postgres
#   secrets/    one libpq passfile per database role        each of who uses it
#   keeper/     keys and state of the keeper                of keeper
#   git/        the release repository                      of keeper, readable
#   service/    keys and state of the service               of service
#   artifacts/  firmware by digest                          of service, readable
#   devices/    simulated boards                            of device
#   people/     keys and certificates of persons            of the caller
#   bin/ share/ copies of the programs and rulesets: other uids may not reach into the clone
#   logs/       what the programs said
#   home.env    the paths, as NAME=value
#
#   tools/home.sh make HOME [PROGRAMS]  makes what is missing; copies the programs of that folder
#   tools/home.sh drop HOME             removes it with its runtime folder (stop the programs first)
#
# Sockets lie in a runtime folder /tmp/countersign-UID-HASH, short enough for a socket address
# (107 bytes) however long the path of the clone is. Where the uids of the parts cannot walk to the
# home (a clone below /root or in a folder from mktemp), it lies under /var/tmp and HOME is a link.
set -eu
umask 022

tools=$(cd "$(dirname "$0")" && pwd)
tree=$(dirname "$tools")

give_up()
{
	echo "tools/home.sh: $1" >&2
	exit 1
}

# A folder of ours in a place where everybody may write: made by us, not a link, not writable by
# anybody else.
make_private()
{
	mkdir -m 0711 "$1" 2>/dev/null || true
	if [ -L "$1" ] || [ ! -d "$1" ] || [ "$(stat -c %u "$1")" -ne "$(id -u)" ]; then
		give_up "$1 is not our folder; remove it"
	fi
	chmod 0711 "$1"
}

# make_part FOLDER MODE PART: a folder below the home or runtime folder, of that part.
make_part()
{
	mkdir -p "$1"
	if [ "$(id -u)" -eq 0 ] && [ "$3" != caller ]; then
		chown "$("$tools/as.sh" --id "$3")" "$1"
	fi
	chmod "$2" "$1"
}

# Can the parts walk to this folder?
reachable()
{
	local part
	for part in postgres keeper service device; do
		"$tools/as.sh" "$part" -- test -x "$1" || return 1
	done
}

locate()
{
	mkdir -p "$(dirname "$1")"
	link=$(cd "$(dirname "$1")" && pwd -P)/$(basename "$1")
	mark=$(id -u)-$(printf '%s' "$link" | sha256sum | cut -c1-8)
	runtime=/tmp/countersign-$mark
	away=/var/tmp/countersign-$mark-home
}

make_home()
{
	if [ -L "$link" ]; then
		[ "$(readlink "$link")" = "$away" ] || give_up "$link is a link that is not ours; remove it"
		real=$away
	elif reachable "$(dirname "$link")"; then
		real=$link
	else
		real=$away
		ln -s "$away" "$link"
		echo "home: $link lies in $away, because other uids cannot reach the clone"
	fi
	if [ "$real" = "$away" ]; then
		make_private "$real"
	else
		mkdir -p "$real"
		chmod 0711 "$real"
	fi
	make_private "$runtime"
	make_part "$runtime/pg" 0711 postgres
	make_part "$runtime/keeper" 0711 keeper
	make_part "$runtime/service" 0711 service
	make_part "$real/pg" 0700 postgres
	make_part "$real/secrets" 0711 caller
	make_part "$real/keeper" 0700 keeper
	make_part "$real/git" 0755 keeper
	make_part "$real/service" 0700 service
	make_part "$real/artifacts" 0755 service
	make_part "$real/devices" 0700 device
	make_part "$real/people" 0700 caller
	make_part "$real/bin" 0755 caller
	make_part "$real/share" 0755 caller
	make_part "$real/logs" 0755 caller
	make_part "$real/logs/pg" 0700 postgres
	cat >"$real/home.env" <<-END
		COUNTERSIGN_HOME=$real
		COUNTERSIGN_RUNTIME=$runtime
		COUNTERSIGN_SOCKET=$runtime/pg
		COUNTERSIGN_SECRETS=$real/secrets
		COUNTERSIGN_PROGRAMS=$real/bin
	END
	[ -z "$programs" ] || copy_programs
}

copy_programs()
{
	local program
	for program in "$programs"/*; do
		[ -f "$program" ] || continue
		cp --remove-destination "$program" "$real/bin/"
		chmod 0755 "$real/bin/$(basename "$program")"
	done
	if [ -d "$tree/policy/rulesets" ]; then
		rm -rf "$real/share/rulesets"
		cp -r "$tree/policy/rulesets" "$real/share/rulesets"
		chmod -R a+rX "$real/share"
	fi
}

drop_home()
{
	if [ -L "$link" ] && [ "$(readlink "$link")" = "$away" ]; then
		rm -rf "$away" "$link"
	elif [ -f "$link/home.env" ]; then
		rm -rf "$link"
	elif [ -e "$link" ]; then
		give_up "$link is not a home; nothing was removed"
	fi
	if [ -d "$runtime" ] && [ ! -L "$runtime" ] && [ -O "$runtime" ]; then
		rm -rf "$runtime"
	fi
}

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
	echo 'usage: tools/home.sh make HOME [PROGRAMS] | drop HOME' >&2
	exit 2
fi
programs=${3-}
locate "$2"
case $1 in
make) make_home ;;
drop) drop_home ;;
*) give_up "no such verb: $1" ;;
esac
