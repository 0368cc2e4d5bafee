# SPDX-License-Identifier: Apache-2.0
#
# Takes the names in backticks out of documents that can be checked, one a line:
#
#	file:line path NAME        a path or a pattern of paths of this tree
#	file:line function NAME    written as name()
#
# Not checked: what holds a space or a placeholder, absolute paths and URLs (they are not of this
# tree), what is built or left by running (build, var), and blocks of code.

FNR == 1 { block = 0 }
/^[ ]*```/ {
	block = !block
	next
}
block { next }
{
	n = split($0, parts, "`")
	for (i = 2; i <= n; i += 2) {
		name = parts[i]
		if (name ~ /^[a-z_][a-z0-9_]*\(\)$/) {
			print FILENAME ":" FNR, "function", substr(name, 1, length(name) - 2)
			continue
		}
		if (name ~ /[ <>$|=(\[":;@]/ || name ~ /^[\/~-]/ || name ~ /^(build|var|https?)([\/:]|$)/)
			continue
		if (name !~ /^[A-Za-z0-9_.*{},\/-]+$/ || name ~ /^application\//)
			continue
		if (name ~ /^[A-Za-z.][A-Za-z0-9_.-]*\/[A-Za-z0-9_.*{},\/-]*$/ ||
		    name ~ /^[A-Za-z0-9_*{},-]+(\.[a-z]+)*\.(c|h|sh|awk|sql|def|rules|md|[{]c,h[}])$/)
			print FILENAME ":" FNR, "path", name
	}
}
