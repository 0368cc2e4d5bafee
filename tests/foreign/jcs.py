# SPDX-License-Identifier: Apache-2.0
"""Reads one JSON text per line and writes it as Python's own encoder would in canonical form.

On the values that common/doc.h allows this is RFC 8785: keys are ASCII, so that sorting by code
points is sorting by UTF-16 units, and numbers are whole. The arguments break one rule each, so that
a test can see that it would notice: "unsorted" keeps the order of members, "ascii" escapes what
needs no escape, "spaced" puts blanks between tokens.
"""

import json
import sys

broken = set(sys.argv[1:])
separators = (", ", ": ") if "spaced" in broken else (",", ":")
for line in sys.stdin.buffer:
    text = json.dumps(
        json.loads(line.decode("utf-8")),
        sort_keys="unsorted" not in broken,
        separators=separators,
        ensure_ascii="ascii" in broken,
        allow_nan=False,
    )
    sys.stdout.buffer.write(text.encode("utf-8") + b"\n")
