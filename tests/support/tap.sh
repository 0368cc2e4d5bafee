# SPDX-License-Identifier: Apache-2.0
#
# TAP for shell tests. Source it, state expectations, end with tap_end:
#
#	. "$(dirname "$0")/../support/tap.sh"
#	expect_success 'the tree is formatted' check_format .
#	expect_failure 'a wrong file is noticed' check_format "$tap_folder"
#	tap_end
#
# The working folder is the top of the tree; $tap_folder is a scratch folder that is removed at the
# end. What a command printed is shown when it did not do what was expected.

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
tap_tree=$PWD
tap_number=0
tap_failures=0
tap_folder=$(mktemp -d "${TMPDIR:-/tmp}/countersign-tap.XXXXXX") || exit 1
trap 'rm -rf "$tap_folder"' EXIT

# tap_result STATUS SENTENCE
tap_result()
{
	tap_number=$((tap_number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_number - $2"
	else
		echo "not ok $tap_number - $2"
		tap_failures=$((tap_failures + 1))
	fi
}

# expect_success SENTENCE COMMAND [ARGUMENT ...]: it must exit 0.
expect_success()
{
	local sentence=$1 status=0
	shift
	"$@" >"$tap_folder/.said" 2>&1 || status=$?
	tap_result "$status" "$sentence"
	[ "$status" -eq 0 ] || sed 's/^/# /' "$tap_folder/.said"
}

# expect_failure SENTENCE COMMAND [ARGUMENT ...]: it must exit other than 0, 126 or 127: a command
# that could not even be run proves nothing.
expect_failure()
{
	local sentence=$1 status=0
	shift
	"$@" >"$tap_folder/.said" 2>&1 || status=$?
	case $status in
	0 | 126 | 127)
		tap_result 1 "$sentence"
		echo "# exit status $status"
		sed 's/^/# /' "$tap_folder/.said"
		;;
	*) tap_result 0 "$sentence" ;;
	esac
}

# expect_said SENTENCE WORDS COMMAND [ARGUMENT ...]: as expect_failure, and its output holds WORDS.
expect_said()
{
	local sentence=$1 words=$2
	shift 2
	if "$@" >"$tap_folder/.said" 2>&1; then
		tap_result 1 "$sentence (it succeeded)"
	elif grep -qF -e "$words" "$tap_folder/.said"; then
		tap_result 0 "$sentence"
	else
		tap_result 1 "$sentence"
		sed 's/^/# /' "$tap_folder/.said"
	fi
}

tap_end()
{
	echo "1..$tap_number"
	[ "$tap_failures" -eq 0 ]
	exit
}
