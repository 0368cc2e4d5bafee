# SPDX-License-Identifier: Apache-2.0
#
# Checks every #include against layers.rules:
#
#	awk -f tests/lint/layers.awk tests/lint/layers.rules common/err.c policy/decide.c ...
#
# Prints file:line and the forbidden include; exit 1 if there is any. Also refuses a file that no
# rule names, an inner header (x_internal.h) outside of x*, and a call of the clock in pure rooms.

function pattern_of(glob)
{
	gsub(/[.+()[\]]/, "\\\\&", glob)
	gsub(/[*]/, "[^/]*", glob)
	return "^" glob "$"
}

function matches(path, glob)
{
	return path ~ pattern_of(glob)
}

# The last pattern of the list that matches decides, so that "common/* -common/db.h" reads as said.
function allowed(path, list,    words, n, i, answer)
{
	answer = 0
	n = split(list, words, " ")
	for (i = 1; i <= n; i++) {
		if (substr(words[i], 1, 1) == "-") {
			if (matches(path, substr(words[i], 2)))
				answer = 0
		} else if (matches(path, words[i])) {
			answer = 1
		}
	}
	return answer
}

function complain(words)
{
	print FILENAME ":" FNR ": " words
	bad = 1
}

function begin_file()
{
	right = ""
	known = FILENAME ~ /^tests\//
	for (r = 1; r <= rooms && !known; r++) {
		if (allowed(FILENAME, room_left[r])) {
			right = room_right[r]
			known = 1
		}
	}
	if (!known)
		complain("no rule of layers.rules names this file")
}

function check_foreign(header,    d)
{
	for (d = 1; d <= doors; d++) {
		if (!allowed(header, door_left[d]))
			continue
		if (!allowed(FILENAME, door_right[d]))
			complain("<" header "> enters only through " door_right[d])
		return
	}
	if (!(header in standard))
		complain("<" header "> has no door and is no system header in layers.rules")
}

function check_ours(header,    inner)
{
	if (!allowed(header, right))
		complain("may not include \"" header "\"")
	if (header ~ /_internal\.h$/) {
		inner = substr(header, 1, length(header) - length("_internal.h"))
		if (index(FILENAME, inner) != 1)
			complain("\"" header "\" is for " inner "* only")
	}
}

FNR == NR {
	if ($0 ~ /^[ \t]*(#|$)/)
		next
	kind = $1
	line = $0
	sub(/^[a-z]+[ \t]+/, "", line)
	if (kind == "system") {
		for (i = 2; i <= NF; i++)
			standard[$i]
		next
	}
	split(line, sides, /[ \t]+:[ \t]+/)
	if (kind == "room") {
		room_left[++rooms] = sides[1]
		room_right[rooms] = sides[2]
	} else if (kind == "door") {
		door_left[++doors] = sides[1]
		door_right[doors] = sides[2]
	} else {
		complain("not a rule: " $0)
	}
	next
}

FNR == 1 { begin_file() }
FILENAME ~ /^tests\// { next }
/^[ \t]*#[ \t]*include[ \t]*</ {
	split($0, parts, /[<>]/)
	check_foreign(parts[2])
	next
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, parts, "\"")
	check_ours(parts[2])
	next
}
/clock_(now|boot|state|sleep)[ \t]*\(/ {
	# audit/log.c is the impure one: it notes whether the clock was synchronized, not what it said.
	if (FILENAME ~ /^(policy|audit)\// && FILENAME != "audit/verify_main.c" &&
	    !(FILENAME == "audit/log.c" && $0 !~ /clock_(now|boot|sleep)/))
		complain("pure rooms get the time as an argument")
}

END { exit bad }
