#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Starts and stops the programs of a home that tools/setup.sh made.
#
#   tools/services.sh -h HOME start [database|keeper|service]...   default: all three, in this order
#   tools/services.sh -h HOME stop [service|keeper|database]...    without names the boards, too
#   tools/services.sh -h HOME kill service|keeper                  SIGKILL
#   tools/services.sh -h HOME status
#
# Each program runs under its own uid when root (tools/as.sh), writes logs/NAME.log, and leaves its process id in
# run/NAME.pid. start returns when the program answers.
set -eu
umask 022

tools=$(cd "$(dirname "$0")" && pwd)
[ "${1-}" = -h ] && [ $# -ge 3 ] || { sed -n '/^#   tools/s/^#   //p' "$0" >&2; exit 2; }
home=$2
verb=$3
shift 3
. "$home/home.env"
H=$COUNTERSIGN_HOME
mkdir -p "$H/run"

give_up()
{
	echo "tools/services.sh: $1" >&2
	exit 1
}

# alive NAME: is the process that we started still there (and not only its number)?
alive()
{
	local pid
	pid=$(cat "$H/run/$1.pid" 2>/dev/null) || return 1
	[ -d "/proc/$pid" ] && [ "$(sed 's/^.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1)" != Z ]
}

# launch NAME PART COMMAND...: in a session of its own, so that nobody's terminal ends it.
launch()
{
	local name=$1 part=$2
	shift 2
	setsid "$tools/as.sh" "$part" -- "$@" >>"$H/logs/$name.log" 2>&1 </dev/null &
	echo $! >"$H/run/$name.pid"
}

# await NAME SECONDS COMMAND...
await()
{
	local name=$1 left=$(($2 * 20))
	shift 2
	until "$@" >/dev/null 2>&1; do
		alive "$name" || give_up "$name did not start: $(tail -n 1 "$H/logs/$name.log")"
		left=$((left - 1))
		[ "$left" -gt 0 ] || give_up "$name does not answer; see $H/logs/$name.log"
		sleep 0.05
	done
}

keeper_answers()
{
	"$tools/as.sh" keeper -- "$H/bin/countersign-keeper" status --config "$H/keeper/keeper.json"
}

service_answers()
{
	"$H/bin/countersign" status
}

start_one()
{
	case $1 in
	database) "$tools/cluster.sh" -h "$home" start >>"$H/logs/setup.log" 2>&1 ;;
	keeper)
		alive keeper && return
		launch keeper keeper "$H/bin/countersign-keeper" run --config "$H/keeper/keeper.json"
		await keeper 20 keeper_answers
		;;
	service)
		alive service && return
		launch service service "$H/bin/countersignd" --config "$H/service/service.json"
		await service 20 service_answers
		;;
	*) give_up "no such program: $1" ;;
	esac
}

end_one()
{
	local name=$1 signal=$2 left=400
	alive "$name" || return 0
	kill "-$signal" "$(cat "$H/run/$name.pid")" 2>/dev/null || true
	while alive "$name"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || give_up "$name does not end"
		sleep 0.05
	done
	rm -f "$H/run/$name.pid"
}

# Boards were started in sessions of their own: their group ends with them.
end_boards()
{
	local file pid
	for file in "$H"/run/unit-*.pid; do
		[ -f "$file" ] || continue
		pid=$(cat "$file")
		kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
		rm -f "$file"
	done
}

export COUNTERSIGN_URL COUNTERSIGN_CA
case $verb in
start)
	for one in "${@:-database keeper service}"; do
		for name in $one; do start_one "$name"; done
	done
	;;
stop)
	[ $# -gt 0 ] || end_boards
	for one in "${@:-service keeper database}"; do
		for name in $one; do
			if [ "$name" = database ]; then
				"$tools/cluster.sh" -h "$home" stop >>"$H/logs/setup.log" 2>&1
			else
				end_one "$name" TERM
			fi
		done
	done
	;;
kill) end_one "$1" KILL ;;
status)
	for name in keeper service; do
		if alive "$name"; then echo "$name runs"; else echo "$name is down"; fi
	done
	;;
*) give_up "no such verb: $verb" ;;
esac
