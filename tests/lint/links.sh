#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does the offline verifier link to libc, libcrypto, jansson and libz only, and open no socket? Looks
# at the build for use, not at the one with sanitizers. The agent is the control: it does both.
. "$(dirname "$0")/../support/tap.sh"

build=${BUILD:-build}/bin
allowed='libc.so.6 libcrypto.so.3 libjansson.so.4 libz.so.1 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1'

links_only_allowed()
{
	local library bad=0
	for library in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
		case " $allowed " in
		*" $library "*) ;;
		*) echo "$1 links $library" && bad=1 ;;
		esac
	done
	return "$bad"
}

opens_no_socket()
{
	! nm -D --undefined-only "$1" | grep -wE 'socket|socketpair|connect|bind|getaddrinfo|BIO_new_connect'
}

if [ ! -x "$build/countersign-verify" ]; then
	echo 'ok 1 - # SKIP there is no countersign-verify yet'
	echo '1..1'
	exit 0
fi
expect_success 'the verifier links four libraries only' links_only_allowed "$build/countersign-verify"
expect_success 'the verifier calls nothing that opens a socket' opens_no_socket "$build/countersign-verify"
if [ -x "$build/countersign-agent" ]; then
	expect_said 'the agent would be noticed for libcurl' 'libcurl' \
		links_only_allowed "$build/countersign-agent"
fi
printf '#include <sys/socket.h>\nint main(void) { return socket(AF_INET, SOCK_STREAM, 0); }\n' |
	gcc -x c - -o "$tap_folder/dials"
expect_said 'a program with a socket is noticed' 'socket' opens_no_socket "$tap_folder/dials"
tap_end
