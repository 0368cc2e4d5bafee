#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Licence lines, no SQL in C, file sizes, names: is the tree clean, and would a breach be noticed?
. "$(dirname "$0")/../support/tap.sh"

check_source()
{
	awk -f "$tap_tree/tests/lint/source.awk" "$@"
}

check_made_up()
{
	mkdir -p "$tap_folder/tree/common"
	printf '%s\n' '/* SPDX-License-Identifier: Apache-2.0 */' "$1" >"$tap_folder/tree/common/made_up.c"
	(cd "$tap_folder/tree" && check_source common/made_up.c)
}

# Everything people write, but data: documents, vectors, corpora.
files_named()
{
	find . \( -path ./.git -o -path './build*' -o -path ./var \) -prune -o -type f "$@" -print |
		sed 's|^\./||' | grep -v '^tests/\(golden\|fuzz/corpus\)/' | sort
}

check_licence()
{
	local file bad=0
	for file in "$@"; do
		if ! head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0'; then
			echo "$file: no SPDX line among the first three"
			bad=1
		fi
	done
	return "$bad"
}

expect_success 'C sources keep the rules of source.awk' \
	check_source $(files_named \( -name '*.[ch]' -o -name '*.def' \))
expect_success 'scripts, SQL and settings say their licence' check_licence \
	$(files_named \( -name '*.sh' -o -name '*.awk' -o -name '*.sql' -o -name '*.rules' -o -name '*.go' \
		-o -name Makefile -o -name '.clang-*' -o -name .editorconfig -o -path ./tests/run \
		-o -path ./.ci/run \))

while IFS='|' read -r line words sentence; do
	expect_said "$sentence" "$words" check_made_up "$line"
done <<'END'
const char *text = "SELECT 1 FROM event";|SQL text in C|SQL in C is noticed
const char *text = "INSERT INTO event VALUES ($1)";|SQL text in C|an insert in C is noticed
const char *text = "COMMIT";|transactions|a commit in C is noticed
int a; // why|// comment|a // comment is noticed
/* TODO: later */|names its issue|a TODO without an issue is noticed
char *strjoin(const char *a)|belong to C|a name that C keeps for itself is noticed
void json_extend(void)|belongs to a library|a name of a library is noticed
END
expect_success 'a URL in a text is no comment' check_made_up 'const char *url = "https://example.org";'
expect_success 'a TODO with an issue is fine' check_made_up '/* TODO #12: later */'
echo 'int a;' >"$tap_folder/unlicensed.c"
expect_said 'a source without its licence line is noticed' 'SPDX' check_source "$tap_folder/unlicensed.c"
expect_said 'a script without its licence line is noticed' 'SPDX' check_licence "$tap_folder/unlicensed.c"
awk 'BEGIN { print "/* SPDX-License-Identifier: Apache-2.0 */"; for (i = 0; i < 800; i++) print "" }' \
	>"$tap_folder/long.c"
expect_said 'a file over 800 lines is noticed' 'split the file' check_source "$tap_folder/long.c"
tap_end
