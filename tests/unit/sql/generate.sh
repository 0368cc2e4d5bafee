#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Does sql/generate.awk make a table that compiles from what follows sql/README.md, and refuse the
# rest with its place? Under every awk that is installed.
set -u
cd "$(dirname "$0")/../../.." || exit 1

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
number=0
failed=0

# check SENTENCE: takes the status of the command before it.
check()
{
	local status=$?
	number=$((number + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		failed=1
	fi
}

generate()
{
	"$awk" -v mode="$1" -f sql/generate.awk "${@:2}" </dev/null
}

# refused SENTENCE PLACE WORDS: the statements on standard input.
refused()
{
	cat >"$work/bad.sql"
	generate c "$work/bad.sql" >"$work/out" 2>"$work/err"
	[ $? -eq 1 ] && [ ! -s "$work/out" ] && grep -q "^$work/bad.sql:$2: .*$3" "$work/err"
	check "$awk refuses $1"
}

compile()
{
	mkdir -p "$work/$1/gen"
	generate h "${@:2}" >"$work/$1/gen/statements.h" &&
		generate c "${@:2}" >"$work/$1/gen/statements.c" &&
		gcc -std=c17 -Wall -Wextra -Wpedantic -Wconversion -Werror -I"$work/$1" -c \
			"$work/$1/gen/statements.c" -o "$work/$1/statements.o"
}

for awk in mawk gawk original-awk; do
	command -v "$awk" >/dev/null || continue

	compile empty-$awk
	check "$awk makes a table of nothing that compiles"
	compile pattern-$awk "$work/none/*.sql"
	check "$awk takes a pattern that matched nothing for nothing"
	compile real-$awk sql/queries/*.sql
	check "$awk makes a table of our statements that compiles"

	cat >"$work/good.sql" <<-'END'
		-- A remark about the file.

		-- name: odd_text :opt :touch
		-- Quotes, backslashes, trigraphs, per cent, tabs.
		SELECT 'a"b\c??=%s	d'
		-- left out
		 , 'é';

		-- name: odd_write :none :write
		-- Changes something.
		DELETE FROM odd WHERE id = $1::text;
	END
	printf -- '-- name: odd_last :many\r\n-- Without a newline in the end.\r\nSELECT 1;' \
		>"$work/last.sql"
	compile good-$awk "$work/good.sql" "$work/last.sql"
	cat >"$work/show.c" <<-'END'
		#include "gen/statements.h"
		#include <stdio.h>
		int main(void)
		{
			for (int i = 0; i <= STMT_COUNT; i++)
				printf("%s|%s|%d%d%d\n", statements[i].name ? statements[i].name : "-",
				       statements[i].text ? statements[i].text : "-", statements[i].rows,
				       statements[i].write, statements[i].touch);
			return STMT_ODD_TEXT == 0 && STMT_ODD_LAST == 2 ? 0 : 1;
		}
	END
	gcc -std=c17 -I"$work/good-$awk" "$work/show.c" "$work/good-$awk/statements.o" \
		-o "$work/show" && "$work/show" >"$work/shown" && cmp - "$work/shown" <<-'END'
		odd_text|/* odd_text */ SELECT 'a"b\c??=%s	d'
		 , 'é'|101
		odd_write|/* odd_write */ DELETE FROM odd WHERE id = $1::text|310
		odd_last|/* odd_last */ SELECT 1|200
		-|-|300
	END
	check "$awk carries every byte of a statement into C"

	refused 'a name twice' 4 'stands at' <<-'END'
		-- name: a_b :one
		-- First.
		SELECT 1;
		-- name: a_b :one
		-- Second.
		SELECT 2;
	END
	refused 'a statement without a promise' 1 'no comment line' <<-'END'
		-- name: a_b :one
		SELECT 1;
	END
	refused 'unknown rows' 1 'one of :one' <<-'END'
		-- name: a_b :two
		-- Promise.
		SELECT 1;
	END
	refused 'missing rows' 1 'one of :one' <<-'END'
		-- name: a_b
		-- Promise.
		SELECT 1;
	END
	refused 'an unknown mark' 1 "':writes'" <<-'END'
		-- name: a_b :one :writes
		-- Promise.
		SELECT 1;
	END
	refused 'two marks' 1 'either :write or :touch' <<-'END'
		-- name: a_b :one :write :touch
		-- Promise.
		SELECT 1;
	END
	refused 'a name that is no module_verb' 1 'module_verb' <<-'END'
		-- name: Release :one
		-- Promise.
		SELECT 1;
	END
	refused 'a mark that is nearly one' 1 'write the mark as' <<-'END'
		--name: a_b :one
		-- Promise.
		SELECT 1;
	END
	refused 'two statements under one name' 4 'goes on after' <<-'END'
		-- name: a_b :one
		-- Promise.
		SELECT 1;
		SELECT 2;
	END
	refused 'a statement without its end' 1 "';'" <<-'END'
		-- name: a_b :one
		-- Promise.
		SELECT 1
	END
	refused 'a name without SQL' 1 'no SQL' <<-'END'
		-- name: a_b :one
		-- Promise.
	END
	refused 'SQL without a name' 1 'outside' <<-'END'
		SELECT 1;
	END
	{
		printf -- '-- name: a_b :one\n-- Promise.\nSELECT\n'
		for i in $(seq 500); do echo "$i + "; done
		for i in $(seq 500); do echo "$i + "; done
		echo '0;'
	} >"$work/long"
	refused 'a statement that is no C literal any more' 1 'over 4000' <"$work/long"
done

echo "1..$number"
exit "$failed"
