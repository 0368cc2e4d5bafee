#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does every file and function that a document names exist, and would a dead name be noticed?
. "$(dirname "$0")/../support/tap.sh"

documents()
{
	find . \( -path ./.git -o -path './build*' -o -path ./var \) -prune -o \
		\( -name README.md -o -path './docs/*.md' -o -path './[A-Z]*.md' \) -print |
		sed 's|^\./||' | sort
}

# A path counts from the top of the tree, from the document's folder, or, without a slash, anywhere.
path_exists()
{
	local folder=$1 name=${2%/} found
	# Braces and stars as the shell reads them; the name holds nothing else (names.awk).
	for found in $(cd "$folder" && eval "echo $name") ; do
		if [ ! -e "$folder/$found" ]; then
			return 1
		fi
	done
}

anywhere()
{
	local name
	for name in $(eval "echo $1"); do
		find . \( -path ./.git -o -path './build*' -o -path ./var \) -prune -o \
			-name "$name" -print | grep -q . || return 1
	done
}

check_names()
{
	local where kind name bad=0
	while read -r where kind name; do
		case $kind in
		function)
			grep -rqsE --include='*.[ch]' --include='*.sql' --include='*.awk' --include='*.sh' \
				"\\b$name\\b" . && continue
			;;
		path)
			path_exists . "$name" && continue
			path_exists "$(dirname "${where%:*}")" "$name" && continue
			[ "$name" != "${name#*/}" ] || { anywhere "$name" && continue; }
			;;
		esac
		echo "$where: there is no $kind $name"
		bad=1
	done < <(awk -f "$tap_tree/tests/lint/names.awk" "$@" /dev/null)
	return "$bad"
}

check_made_up()
{
	mkdir -p "$tap_folder/tree/docs" "$tap_folder/tree/common"
	echo 'void err_set(void);' >"$tap_folder/tree/common/err.h"
	touch "$tap_folder/tree/common/err.c"
	printf '%s\n' "$1" >"$tap_folder/tree/docs/page.md"
	(cd "$tap_folder/tree" && check_names docs/page.md)
}

expect_success 'every file and function that the documents name exists' check_names $(documents)
while IFS='|' read -r line sentence; do
	expect_said "$sentence" 'there is no' check_made_up "$line"
done <<'END'
See `common/loop.c` for it.|a dead path is noticed
See `loop.c` for it.|a dead file name is noticed
It calls `err_gone()` then.|a dead function is noticed
See `common/err.{c,x}` for it.|a dead half of a pair is noticed
See `common/*.sql` for it.|a pattern that matches nothing is noticed
Both `common/err.c` and `common/loop.c`.|the second name of a line is checked too
END
while IFS='|' read -r line sentence; do
	expect_success "$sentence" check_made_up "$line"
done <<'END'
See `common/err.{c,h}` and `err.h`, `err_set()`, `common/`.|living names are fine
Send `application/json` to `/v1/releases`, see `build/bin/x`, `var/demo/accounts.json`.|what is not of this tree is fine
END
tap_end
