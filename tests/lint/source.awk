# SPDX-License-Identifier: Apache-2.0
#
# What a line of C may not hold, beyond what compilers and clang-format see:
#
#	awk -f tests/lint/source.awk common/err.c ...
#
# Prints file:line and why; exit 1 if there is anything.

function complain(words)
{
	print FILENAME ":" FNR ": " words
	bad = 1
}

# Leaves out string literals, so that "http://" is no comment.
function without_texts(line)
{
	gsub(/\\./, "", line)
	gsub(/"[^"]*"/, "", line)
	gsub(/'[^']*'/, "", line)
	return line
}

FNR == 1 && !/SPDX-License-Identifier: Apache-2\.0/ {
	complain("the first line has to be the SPDX line")
}
FNR == 801 { complain("over 800 lines; split the file") }

{ code = without_texts($0) }
code ~ /(^|[ \t;{}),])\/\// && !/^[ \t]*(\*|\/\*)/ { complain("// comment; use /* */") }
/(TODO|FIXME)/ && !/#[0-9]+/ { complain("a TODO names its issue, as #12") }
/[ \t]$/ { complain("white space at the end of the line") }

# Statements live in sql/queries; db.c alone begins and ends transactions. Tests may cheat, and so may
# what is measured against us.
FILENAME !~ /^(tests|bench)\// && /"[ \t]*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|LOCK|LISTEN|NOTIFY|COPY) / {
	complain("SQL text in C; it belongs into sql/queries")
}
FILENAME !~ /^tests\// && FILENAME !~ /^common\/db/ && /"[ \t]*(BEGIN|COMMIT|ROLLBACK)/ {
	complain("transactions are made by common/db.c")
}

# Names that C or a library keeps for itself: the word before the first parenthesis of a line that
# begins at the left edge, of functions that other files see. C reserves more than this, stream_ and token_ too; but what it ever took
# has no underscore behind a whole word.
/^[a-z][A-Za-z_0-9 *]*\(/ && !/^(return|else|typedef|extern|static) / {
	name = substr($0, 1, index($0, "(") - 1)
	sub(/.*[ *]/, "", name)
	if (name ~ /^(str|mem|is|to)[a-z]+$/ || name ~ /^(str|string|mem|is|to)_/)
		complain("names that begin with str, mem, is or to and a letter belong to C")
	if (name ~ /^(json_|MHD_|PQ|git_|curl_|EVP_|fail|mock|skip)/)
		complain("this name belongs to a library or to cmocka")
}

END { exit bad }
