#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does none of the banned calls compile, in each kind of build, and does ordinary code?
. "$(dirname "$0")/../support/tap.sh"

compile()
{
	printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <time.h>\n%s\n' \
		"int main(void) { char b[9] = \"1\"; long n = 0; (void)n; $1; return (int)b[0]; }" |
		gcc -std=c17 -D_DEFAULT_SOURCE -Wall $2 -include tests/lint/banned.h -x c -c - -o /dev/null
}

expect_success 'ordinary calls compile' compile 'snprintf(b, 9, "%d", 1); memcpy(b, "x", 2)' -O2
while IFS='|' read -r name call; do
	expect_said "$name does not compile" 'banned:' compile "$call" '-O2 -D_FORTIFY_SOURCE=2'
done <<'END'
strcpy|strcpy(b, "x")
strcat|strcat(b, "x")
strncpy|strncpy(b, "x", 9)
strncat|strncat(b, "x", 1)
sprintf|sprintf(b, "x")
strtok|strtok(b, "x")
gmtime|gmtime(&n)
localtime|localtime(&n)
ctime|ctime(&n)
rand|b[0] = (char)rand()
atoi|b[0] = (char)atoi(b)
atol|n = atol(b)
system|b[0] = (char)system("x")
popen|popen("x", "r")
mktemp|mktemp(b)
END
expect_said 'strcpy does not compile with sanitizers' 'banned:' \
	compile 'strcpy(b, "x")' '-O1 -fsanitize=address'
expect_success 'the Makefile puts it in front of every source' \
	grep -q '^	.*-include tests/lint/banned\.h' Makefile
tap_end
