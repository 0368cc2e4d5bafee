#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The slow half of `make lint`: format, gcc's analyzer, clang-tidy, cppcheck. Called by the Makefile,
# which knows the flags:
#
#	tools/lint.sh 'BASE FLAGS' 'WARNINGS' 'WARNINGS OF GCC' FILE ...
#
# Every step runs, each file on its own and two at a time; exit 1 if any of them complained.
# FORMAT=fix writes the format instead of checking it.
set -u
cd "$(dirname "$0")/.." || exit 1

base=$1
warnings=$2
warnings_gcc=$3
shift 3
files=("$@")
bad=0
log=$(mktemp -d "${TMPDIR:-/tmp}/countersign-lint.XXXXXX") || exit 1
trap 'rm -rf "$log"' EXIT

# step NAME COMMAND ...: runs COMMAND FILE for each file on standard input.
step()
{
	local name=$1
	shift
	if xargs -r -P 2 -n 1 "$@" >"$log/$name" 2>&1; then
		echo "lint: $name: nothing"
	else
		echo "lint: $name:"
		grep -v ' warnings\? generated\.$\|^Suppressed \|^Use -header-filter' "$log/$name"
		bad=1
	fi
}

formatted=$(find common policy audit reports service device-agent bench tests -name '*.[ch]' 2>/dev/null | sort)
if [ "${FORMAT-}" = fix ]; then
	clang-format-14 -i $formatted
	exit
fi
step format clang-format-14 --dry-run -Werror <<<"$formatted"
[ ${#files[@]} -gt 0 ] || exit "$bad"
printf '%s\n' "${files[@]}" >"$log/files"
step gcc-analyzer gcc $base $warnings $warnings_gcc -O1 -fanalyzer -c -o /dev/null <"$log/files"
# clang-tidy wants the file in front of the flags.
BASE="$base $warnings" step clang-tidy sh -c 'exec clang-tidy-14 --quiet "$1" -- $BASE' lint <"$log/files"
# Its uninitvar does not follow "outputs are written only on success"; gcc and clang do. Its
# varFuncNullUB fears a NULL that is the int 0; POSIX (stddef.h) wants (void *)0.
step cppcheck cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	--error-exitcode=1 --suppress=uninitvar --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
	--suppress=varFuncNullUB \
	-I. -Ibuild <"$log/files"
exit "$bad"
