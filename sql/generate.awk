# SPDX-License-Identifier: Apache-2.0
#
# Turns the named statements of sql/queries into the table that common/db.c prepares from.
#
#	awk -v mode=h -f sql/generate.awk sql/queries/*.sql > build/gen/statements.h
#	awk -v mode=c -f sql/generate.awk sql/queries/*.sql > build/gen/statements.c
#
# sql/README.md tells how a statement is written. What does not follow it is refused with file:line
# and exit 1, and nothing is printed. Plain POSIX awk: mawk and gawk give the same bytes.

BEGIN {
	if (mode != "h" && mode != "c") {
		print "generate.awk: call it with -v mode=h or -v mode=c" > "/dev/stderr"
		bad = 1
		exit 1
	}
	row_words[":one"] = "ROWS_ONE"
	row_words[":opt"] = "ROWS_OPT"
	row_words[":many"] = "ROWS_MANY"
	row_words[":none"] = "ROWS_NONE"
	# A pattern that matched no file is no file; with none left awk would read standard input.
	files = 0
	for (i = 1; i < ARGC; i++) {
		if (ARGV[i] ~ /[*]/)
			ARGV[i] = ""
		else
			files++
	}
	if (files == 0)
		exit 0
}

function refuse(at, words)
{
	print at ": " words > "/dev/stderr"
	bad = 1
}

# Ends the statement that is open, if any.
function finish()
{
	if (!open)
		return
	open = 0
	if (!promised)
		refuse(where, "statement " name " has no comment line that says what it promises")
	if (text == "")
		refuse(where, "statement " name " has no SQL")
	else if (!ended)
		refuse(where, "statement " name " does not end in ';'")
	# ISO C promises 4095 bytes for a string literal.
	if (length(text) > 4000)
		refuse(where, "statement " name " is over 4000 bytes; split it or make a view")
	texts[count] = text
}

function begin(    i)
{
	finish()
	where = FILENAME ":" FNR
	open = 1
	promised = 0
	ended = 0
	text = ""
	name = $3
	count++
	names[count] = name
	places[count] = where
	marks[count] = ""
	if ($1 != "--" || $2 != "name:") {
		refuse(where, "write the mark as '-- name: module_verb :rows'")
		return
	}
	if (name !~ /^[a-z][a-z0-9]*_[a-z0-9_]*[a-z0-9]$/ || name ~ /__/ || length(name) > 60)
		refuse(where, "the name '" name "' is not of the form module_verb, at most 60 bytes")
	if (name in seen)
		refuse(where, "the name " name " stands at " seen[name] " already")
	seen[name] = where
	if ($4 in row_words)
		rows[count] = row_words[$4]
	else
		refuse(where, "statement " name " needs one of :one :opt :many :none after its name")
	for (i = 5; i <= NF; i++) {
		if ($i != ":write" && $i != ":touch")
			refuse(where, "statement " name " has an unknown mark '" $i "'")
		else if (marks[count] != "")
			refuse(where, "statement " name " is either :write or :touch, once")
		else
			marks[count] = $i
	}
}

FNR == 1 { finish() }
{ sub(/\r$/, ""); sub(/[ \t]+$/, "") }
/^--[ \t]*name[ \t]*:/ { begin(); next }
/^--/ {
	if (open && text == "" && $0 ~ /^--[ \t]*[^ \t-]/)
		promised = 1
	next
}
/^[ \t]*$/ { next }
{
	if (!open) {
		refuse(FILENAME ":" FNR, "SQL outside of a statement; put '-- name: module_verb :rows' before it")
		next
	}
	if (ended) {
		refuse(FILENAME ":" FNR, "statement " name " goes on after its ';'; one statement for one name")
		next
	}
	if ($0 ~ /;$/) {
		ended = 1
		sub(/[ \t]*;$/, "")
	}
	text = text (text == "" ? "" : "\n") $0
}

# A line of SQL as the inside of a C string literal; '?' too, for trigraphs.
function literal(line,    out, i, c)
{
	out = ""
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		if (c == "\\" || c == "\"" || c == "?")
			out = out "\\" c
		else if (c == "\t")
			out = out "\\t"
		else
			out = out c
	}
	return out
}

function print_header(    i)
{
	print "/* SPDX-License-Identifier: Apache-2.0 */"
	print "/* Generated from sql/queries by sql/generate.awk; change those. */"
	print "#ifndef GEN_STATEMENTS_H"
	print "#define GEN_STATEMENTS_H"
	print ""
	print "#include <stdbool.h>"
	print ""
	print "enum stmt {"
	for (i = 1; i <= count; i++)
		print "\tSTMT_" toupper(names[i]) ","
	print "\tSTMT_COUNT"
	print "};"
	print ""
	print "enum stmt_rows { ROWS_ONE, ROWS_OPT, ROWS_MANY, ROWS_NONE };"
	print ""
	print "struct stmt_entry {"
	print "\tconst char *name;"
	print "\tconst char *text;"
	print "\tenum stmt_rows rows;"
	print "\tbool write; /* needs an audit event in its transaction */"
	print "\tbool touch; /* changes marks that are no events */"
	print "\tconst char *file; /* file:line of its name */"
	print "};"
	print ""
	print "/* By enum stmt; one row without a name ends the table. */"
	print "extern const struct stmt_entry statements[STMT_COUNT + 1];"
	print ""
	print "#endif"
}

function print_table(    i, j, n, lines)
{
	print "/* SPDX-License-Identifier: Apache-2.0 */"
	print "/* Generated from sql/queries by sql/generate.awk; change those. */"
	print ""
	print "#include \"gen/statements.h\""
	print ""
	print "#include <stddef.h>"
	print ""
	print "const struct stmt_entry statements[STMT_COUNT + 1] = {"
	for (i = 1; i <= count; i++) {
		print "\t[STMT_" toupper(names[i]) "] = {"
		print "\t\t\"" names[i] "\","
		# The name goes along so that the server's own views and log can show it.
		print "\t\t\"/* " names[i] " */ \""
		n = split(texts[i], lines, "\n")
		for (j = 1; j <= n; j++)
			print "\t\t\"" literal(lines[j]) (j < n ? "\\n\"" : "\",")
		print "\t\t" rows[i] ", " (marks[i] == ":write" ? "true" : "false") ", " \
			(marks[i] == ":touch" ? "true" : "false") ","
		print "\t\t\"" literal(places[i]) "\","
		print "\t},"
	}
	print "\t[STMT_COUNT] = {NULL, NULL, ROWS_NONE, false, false, NULL},"
	print "};"
}

END {
	finish()
	if (bad)
		exit 1
	if (mode == "h")
		print_header()
	else
		print_table()
}
