#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# As flow/kill.sh, which see, with 20 rounds. Uses the programs of COUNTERSIGN_TEST_PROGRAMS, too.
export KILL_ROUNDS=${KILL_ROUNDS:-20}
exec "$(dirname "$0")/../flow/kill.sh"
