#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the coverage report from the counters that a run of the tests left: tools/cover.sh build/cov
# Called by `make cover`. Prints one line per room.
set -eu
cd "$(dirname "$0")/.."

folder=$1

# Perl 5.36 warns about the way lcov 1.16 defines functions; everything else is worth seeing.
run()
{
	"$@" 2> >(grep -v '^Subroutine .* redefined' >&2)
}

# First every line with zero, so that a file which no test reaches is counted too.
run lcov --quiet --rc lcov_branch_coverage=1 --capture --initial --directory "$folder/obj" \
	--base-directory . --no-external --output-file "$folder/zero.info"
run lcov --quiet --rc lcov_branch_coverage=1 --capture --directory "$folder/obj" \
	--base-directory . --no-external --output-file "$folder/run.info"
run lcov --quiet --rc lcov_branch_coverage=1 --add-tracefile "$folder/zero.info" \
	--add-tracefile "$folder/run.info" --output-file "$folder/all.info"
run lcov --quiet --rc lcov_branch_coverage=1 --remove "$folder/all.info" "$PWD/tests/*" \
	"$PWD/build*" --output-file "$folder/ours.info"
run genhtml --quiet --branch-coverage --prefix "$PWD" --output-directory "$folder/report" \
	"$folder/ours.info"
for room in common common/wire policy audit reports service/model service/api service/keeper \
	service/ctl service device-agent; do
	awk -F: -v room="$room" -v top="$PWD/" '
		$1 == "SF" {
			path = substr($2, length(top) + 1)
			sub(/\/[^\/]*$/, "", path)
			ours = path == room
		}
		ours && $1 == "LF" { lines += $2 }
		ours && $1 == "LH" { lines_hit += $2 }
		ours && $1 == "BRF" { branches += $2 }
		ours && $1 == "BRH" { branches_hit += $2 }
		END {
			if (lines)
				printf "%-16s lines %5.1f %% of %5d   branches %5.1f %% of %5d\n", room,
					100 * lines_hit / lines, lines,
					branches ? 100 * branches_hit / branches : 100, branches
		}' "$folder/ours.info"
done
echo "report: $folder/report/index.html"
