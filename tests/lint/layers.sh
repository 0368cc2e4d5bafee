#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Does every file include only what its room may, and would a wrong include be noticed?
. "$(dirname "$0")/../support/tap.sh"

sources_below()
{
	find "$@" \( -name '*.[ch]' -o -name '*.def' \) 2>/dev/null | sort
}

check_layers()
{
	awk -f "$tap_tree/tests/lint/layers.awk" "$tap_tree/tests/lint/layers.rules" "$@"
}

# One file with one line, in a tree of its own: path, line.
check_made_up()
{
	mkdir -p "$tap_folder/tree/$(dirname "$1")"
	printf '/* made up */\n%s\n' "$2" >"$tap_folder/tree/$1"
	(cd "$tap_folder/tree" && check_layers "$1")
}

rooms='common policy audit reports service device-agent bench'
expect_success 'every include follows layers.rules' check_layers $(sources_below $rooms)

while IFS='|' read -r path line sentence; do
	expect_said "$sentence" "$path:2:" check_made_up "$path" "$line"
done <<'END'
policy/made_up.c|#include "audit/log.h"|policy that includes audit is noticed
common/made_up.c|#include "policy/decide.h"|common that includes policy is noticed
common/wire/made_up.c|#include "common/db.h"|wire that includes the database is noticed
audit/tree.c|#include "common/db.h"|a pure audit file that includes the database is noticed
audit/verify.c|#include "audit/log.h"|a verifier that includes the writer is noticed
service/model/made_up.c|#include "common/web.h"|model that includes the web is noticed
service/model/made_up.c|#include "service/api/reply.h"|model that includes api is noticed
service/api/made_up.c|#include "common/db.h"|api that includes the database is noticed
service/keeper/made_up.c|#include "service/model/release.h"|a keeper that includes the model is noticed
device-agent/made_up.c|#include "common/db.h"|an agent that includes the database is noticed
policy/made_up.c|#include <jansson.h>|a second door to jansson is noticed
service/main.c|#include <libpq-fe.h>|a second door to libpq is noticed
device-agent/made_up.c|#  include <curl/curl.h>|a second door to libcurl is noticed
audit/made_up.c|#include <openssl/evp.h>|a second door to OpenSSL is noticed
service/api/made_up.c|#include <microhttpd.h>|a second door to libmicrohttpd is noticed
common/made_up.c|#include <sqlite3.h>|a library without a door is noticed
common/db.c|#include "common/web_internal.h"|an inner header of another module is noticed
policy/made_up.c|	return clock_now();|a clock in policy is noticed
END
mkdir -p "$tap_folder/tree/newroom"
echo '/* made up */' >"$tap_folder/tree/newroom/made_up.c"
expect_failure 'a room without a rule is noticed' \
	sh -c "cd '$tap_folder/tree' && awk -f '$tap_tree/tests/lint/layers.awk' \
		'$tap_tree/tests/lint/layers.rules' newroom/made_up.c"
expect_success 'a model file that includes the database is fine' \
	check_made_up service/model/made_up.c '#include "common/db.h"'
tap_end
