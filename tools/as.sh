#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs a command as the user of one part of an installation:
#
#   tools/as.sh keeper|service|device|postgres -- /absolute/command argument ...
#   tools/as.sh --id ROLE       prints the uid:gid of that part
#   tools/as.sh --separate      exit 0 if parts run under their own uids, 1 if not
#
# Root runs each part under its own fixed uid, for which no account is made (PostgreSQL: Debian's
# user). Anybody else runs all parts as themselves. The working folder is always /, because the
# folder of the caller may be closed to that uid: paths have to be absolute.
set -eu

ids_of()
{
	if [ "$(id -u)" -ne 0 ]; then
		echo "$(id -u):$(id -g)"
		return
	fi
	case $1 in
	keeper) echo 61001:61001 ;;
	service) echo 61002:61002 ;;
	device) echo 61003:61003 ;;
	postgres)
		if ! id -u postgres >/dev/null 2>&1; then
			echo 'tools/as.sh: there is no user postgres; install postgresql-15' >&2
			return 1
		fi
		echo "$(id -u postgres):$(id -g postgres)"
		;;
	*)
		echo "tools/as.sh: no such part: $1 (keeper, service, device, postgres)" >&2
		return 1
		;;
	esac
}

if [ "${1-}" = --id ]; then
	ids_of "$2"
	exit
fi
if [ "${1-}" = --separate ]; then
	[ "$(id -u)" -eq 0 ]
	exit
fi
if [ $# -lt 3 ] || [ "$2" != -- ]; then
	echo 'usage: tools/as.sh keeper|service|device|postgres -- /absolute/command [argument ...]' >&2
	exit 2
fi
ids=$(ids_of "$1")
shift 2
cd /
if [ "$(id -u)" -ne 0 ]; then
	exec "$@"
fi
exec setpriv --reuid "${ids%:*}" --regid "${ids#*:}" --clear-groups --no-new-privs -- "$@"
