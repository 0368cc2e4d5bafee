#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the measurements of `make bench`, one after another, on a private database cluster with fsync
# on: bench/run.sh bench_sealing bench_polls ... BUILD names the folder of the built programs.
# A figure fails nothing; only a measurement that does not run does.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${BUILD:-build}
test_dir=$build
. tests/support/cluster.sh
home=
logs=$(mktemp -d "${TMPDIR:-/tmp}/countersign-bench.XXXXXX") || exit 1
failed=0

finish()
{
	trap '' INT TERM HUP
	drop_cluster
	rm -rf "$logs"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

unset "${!PG@}"
start_cluster || exit 1
printf 'Measured on %s processors, client and server on the same ones. Every figure beside its limit, which\n' "$(nproc)"
printf 'a prototype without our code reached in the same run; read the shares, not the rates.\n'
for name in "$@"; do
	printf '\n'
	"$build/bench/$name" </dev/null || { echo "bench: $name did not run" >&2; failed=1; }
done
exit "$failed"
