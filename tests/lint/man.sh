#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does every setting of a program stand in its manual page?
set -u
cd "$(dirname "$0")/../.."

# missing SOURCE PAGE: the settings of the table in SOURCE that PAGE does not name.
missing()
{
	local key
	for key in $(sed -n 's/^	{"\([a-z_]*\)", CONFIG_.*/\1/p' "$1"); do
		sed 's/\\-/-/g' "$2" | grep -qw -- "$key" || echo "$key"
	done
}

number=0
check()
{
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		echo "# $2" | tr '\n' ' '
		echo
		failed=1
	fi
}

failed=0
check 'countersignd: every setting has its line' "$(missing service/main.c docs/man/countersignd.8)" ''
check 'countersign-keeper: every setting has its line' "$(missing service/keeper/main.c docs/man/countersign-keeper.8)" ''
check 'countersign-agent: every setting has its line' "$(missing device-agent/settings.c docs/man/countersign-agent.1)" ''
work=$(mktemp)
grep -v '^\.B socket$' docs/man/countersign-keeper.8 >"$work"
sed -i 's/socket/door/g' "$work"
check 'a setting that is missing is noticed' "$(missing service/keeper/main.c "$work")" 'socket'
rm -f "$work"
echo "1..$number"
exit $failed
