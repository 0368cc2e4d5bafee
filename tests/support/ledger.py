#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Is the sealed ledger whole, and is everything in it that was acknowledged?

Written from docs/protocol/documents.md and sql/schema, and shares no code with what it looks at.

    ledger.py CONNINFO LEDGER.pub [--acknowledged FILE] [--spoil HOW]

Reads with the verifier's role, prints one line per fault, exits 1 if there is one. FILE: a JSON object a
line, of one of these:

    {"event": id, "index": n or null}           an answer named it
    {"once": reason}                            an act with these words was answered: it stands once
    {"token_sha256": digest}                    a token was handed out
    {"device": id, "epoch": e, "reports": n}    a device was told that its reports were taken
    {"confirmed": device, "campaign": id}       a deployment went well

--spoil damages the copy in memory (SPOILS below): then a fault has to be found.
"""

import argparse
import base64
import collections
import hashlib
import json
import subprocess
import sys
import tempfile
import time

ZERO = "0" * 64
Entry = collections.namedtuple("Entry", "index event leaf chain raw doc")


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def read_tables(conninfo, *queries):
    """Rows of texts, for each query, all as of one moment; no column may hold a tab or a line end."""
    words = ["-c", "BEGIN ISOLATION LEVEL REPEATABLE READ"]
    for sql in queries:
        words += ["-c", "COPY (" + sql + ") TO STDOUT", "-c", "\\echo -- end"]
    out = subprocess.run(["/usr/lib/postgresql/15/bin/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", conninfo, *words],
                         check=True, stdout=subprocess.PIPE).stdout.decode()
    return [[line.split("\t") for line in part.splitlines()] for part in out.split("-- end\n")[:-1]]


def parse(raw):
    try:
        return json.loads(raw)
    except ValueError:
        return {}


class Ledger:
    def __init__(self, conninfo):
        events, notes, self.aside = read_tables(
            conninfo,
            """SELECT s.index, s.event, encode(s.leaf, 'hex'), encode(s.chain, 'hex'), encode(e.bytes, 'hex')
                FROM sealed s JOIN event e ON e.id = s.event ORDER BY s.index""",
            "SELECT size, encode(convert_to(note, 'UTF8'), 'hex') FROM checkpoint ORDER BY size",
            "SELECT event, replace(why, chr(9), ' ') FROM event_set_aside")
        self.entries = []
        for index, event, leaf, chain, text in events:
            raw = bytes.fromhex(text)
            self.entries.append(Entry(int(index), event, leaf, chain, raw, parse(raw)))
        self.checkpoints = [(int(size), bytes.fromhex(note)) for size, note in notes]

    def covered(self):
        return bool(self.checkpoints) and self.checkpoints[-1][0] == len(self.entries)


def read_ledger(conninfo):
    """An event may be sealed whose checkpoint comes a moment later."""
    until = time.monotonic() + 10
    while True:
        ledger = Ledger(conninfo)
        if ledger.covered() or time.monotonic() > until:
            return ledger
        time.sleep(0.2)


# ---- what has to hold ----

def check_hashes(ledger):
    """Indices, leaf hashes, chain; the bytes are the event that the row names."""
    chain = bytes(32)
    for at, entry in enumerate(ledger.entries):
        leaf = sha256(b"\0", entry.raw)
        chain = sha256(chain, leaf)
        if entry.index != at:
            yield f"index {at} is missing: the next one is {entry.index}"
            return
        if leaf.hex() != entry.leaf:
            yield f"index {at}: the leaf hash is not that of the bytes"
        if chain.hex() != entry.chain:
            yield f"index {at}: the chain does not lead here"
            return
        if entry.doc.get("id") != entry.event:
            yield f"index {at}: the bytes are of another event"
        if json.dumps(entry.doc, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != entry.raw:
            yield f"index {at}: the bytes are not canonical"


def check_streams(ledger):
    """Every stream counts from 1 without holes and links to its last event."""
    last = {}
    for entry in ledger.entries:
        leaf = sha256(b"\0", entry.raw).hex()
        for stream in entry.doc.get("streams", []):
            name = (stream["kind"], stream["id"])
            no, prev = last.get(name, (0, ZERO))
            if stream["no"] != no + 1 or stream["prev"] != prev:
                yield (f"index {entry.index}: stream {name[0]}/{name[1]} goes from {no} to {stream['no']}"
                       + ("" if stream["prev"] == prev else ", and its link is false"))
            last[name] = (stream["no"], leaf)


def roots_of(leaves, sizes):
    """RFC 6962 roots of the first n leaves, for each n of sizes (ascending)."""
    frontier, at, roots = [], 0, {}
    for size in sizes:
        while at < min(size, len(leaves)):
            level, node = 0, leaves[at]
            while frontier and frontier[-1][0] == level:
                level, node = level + 1, sha256(b"\1", frontier.pop()[1], node)
            frontier.append((level, node))
            at += 1
        root = None
        for _, node in reversed(frontier):
            root = node if root is None else sha256(b"\1", node, root)
        roots[size] = root or sha256(b"")
    return roots


def verify_note(note, public_key):
    """The Ed25519 signature of a signed note with one signature line, by openssl."""
    text, _, lines = note.partition(b"\n\n")
    signature = base64.b64decode(lines.strip().split(b" ")[-1])[4:]
    with tempfile.NamedTemporaryFile() as message, tempfile.NamedTemporaryFile() as signed:
        message.write(text + b"\n")
        message.flush()
        signed.write(signature)
        signed.flush()
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public_key, "-in", message.name,
             "-sigfile", signed.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def check_checkpoints(ledger, public_key):
    """Each signed root is that of the leaves, and the newest covers them all."""
    leaves = [sha256(b"\0", entry.raw) for entry in ledger.entries]
    roots = roots_of(leaves, [size for size, _ in ledger.checkpoints])
    for size, note in ledger.checkpoints:
        lines = note.split(b"\n")
        if int(lines[1]) != size or base64.b64decode(lines[2]) != roots[size]:
            yield f"the root of checkpoint {size} is not that of the leaves"
    if not ledger.covered():
        yield f"the newest checkpoint does not cover all {len(leaves)} events"
    elif not verify_note(ledger.checkpoints[-1][1], public_key):
        yield "the signature of the newest checkpoint does not hold"


def check_attempts(ledger):
    """No attempt begins before the one before it has a recorded end; leases only in between."""
    attempt, open_now = {}, {}
    for entry in ledger.entries:
        kind, data = entry.doc.get("kind"), entry.doc.get("data", {})
        if kind not in ("deployment.offered", "deployment.ended", "lease.issued"):
            continue
        key = (entry.doc["streams"][0]["id"], data["campaign"])
        where = f"index {entry.index}: {key[0]}, attempt {data['attempt']}"
        if kind == "deployment.offered":
            if open_now.get(key) or data["attempt"] != attempt.get(key, 0) + 1:
                yield f"{where} was offered before attempt {attempt.get(key, 0)} had a recorded end"
            attempt[key], open_now[key] = data["attempt"], True
        elif not open_now.get(key) or data["attempt"] != attempt.get(key):
            yield f"{where}: {kind} outside of an attempt"
        elif kind == "deployment.ended":
            open_now[key] = False


def check_acknowledged(ledger, acknowledged):
    index = {entry.event: entry.index for entry in ledger.entries}
    reasons = collections.Counter(entry.doc.get("reason") for entry in ledger.entries)
    tokens, proofs, ended = set(), set(), {}
    for entry in ledger.entries:
        kind, data = entry.doc.get("kind"), entry.doc.get("data", {})
        if kind == "device.access-set":
            tokens.add(data.get("token_sha256"))
        elif kind == "proof.taken":
            proofs.add((entry.doc["streams"][0]["id"], data["epoch"], data["seq"]))
        elif kind == "deployment.ended":
            ended[(entry.doc["streams"][0]["id"], data["campaign"])] = (data["outcome"], data.get("basis"))
    for ack in acknowledged:
        if "event" in ack and ack["event"] not in index:
            yield f"acknowledged event {ack['event']} ({ack.get('act')}) is not in the ledger"
        elif "event" in ack and ack.get("index") not in (None, index[ack["event"]]):
            yield f"event {ack['event']} was answered as {ack['index']} and stands at {index[ack['event']]}"
        if "once" in ack and reasons[ack["once"]] != 1:
            yield f"the act '{ack['once']}' was acknowledged and stands {reasons[ack['once']]} times"
        if "token_sha256" in ack and ack["token_sha256"] not in tokens:
            yield f"the token {ack['token_sha256'][:12]} was handed out without a record"
        for seq in range(1, ack.get("reports", 0) + 1):
            if (ack["device"], ack["epoch"], seq) not in proofs:
                yield f"report {seq} of {ack['device']} was taken without a record"
        if "confirmed" in ack and ended.get((ack["confirmed"], ack["campaign"])) != ("confirmed", "proof"):
            yield f"{ack['confirmed']} is not recorded as confirmed by proof in {ack['campaign']}"


# ---- controls ----

def spoil_byte(ledger, acknowledged):
    at = len(ledger.entries) // 2
    raw = bytearray(ledger.entries[at].raw)
    raw[-3] ^= 1
    ledger.entries[at] = ledger.entries[at]._replace(raw=bytes(raw), doc=parse(bytes(raw)))


def spoil_row(ledger, acknowledged):
    del ledger.entries[len(ledger.entries) // 2]


def spoil_end(ledger, acknowledged):
    """The newest events and their checkpoint are gone, and all else fits."""
    newest = {ack["event"] for ack in acknowledged if "event" in ack}
    size = max(entry.index for entry in ledger.entries if entry.event in newest)
    ledger.checkpoints = [c for c in ledger.checkpoints if c[0] <= size]
    ledger.entries = ledger.entries[:ledger.checkpoints[-1][0]]


def spoil_attempt(ledger, acknowledged):
    """The last end of an attempt never came, and another attempt began."""
    for at in range(len(ledger.entries) - 1, -1, -1):
        doc = ledger.entries[at].doc
        if doc.get("kind") == "deployment.ended":
            data = {"campaign": doc["data"]["campaign"], "attempt": doc["data"]["attempt"] + 1}
            ledger.entries[at] = ledger.entries[at]._replace(
                doc=dict(doc, kind="deployment.offered", data=data))
            return


def spoil_signature(ledger, acknowledged):
    size, note = ledger.checkpoints[-1]
    head, _, signature = note.rstrip(b"\n").rpartition(b" ")
    raw = bytearray(base64.b64decode(signature))
    raw[-1] ^= 1
    ledger.checkpoints[-1] = (size, head + b" " + base64.b64encode(bytes(raw)) + b"\n")


def spoil_stream(ledger, acknowledged):
    entry = ledger.entries[-1]
    streams = [dict(stream, no=stream["no"] + 1) for stream in entry.doc["streams"]]
    ledger.entries[-1] = entry._replace(doc=dict(entry.doc, streams=streams))


def spoil_token(ledger, acknowledged):
    acknowledged.append({"token_sha256": "ab" * 32})


SPOILS = {"byte": spoil_byte, "row": spoil_row, "end": spoil_end, "attempt": spoil_attempt,
          "signature": spoil_signature, "stream": spoil_stream, "token": spoil_token}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("conninfo")
    arguments.add_argument("public_key")
    arguments.add_argument("--acknowledged")
    arguments.add_argument("--spoil", choices=SPOILS)
    given = arguments.parse_args()
    ledger = read_ledger(given.conninfo)
    acknowledged = []
    if given.acknowledged:
        with open(given.acknowledged) as lines:
            acknowledged = [json.loads(line) for line in lines]
    if given.spoil:
        SPOILS[given.spoil](ledger, acknowledged)
    faults = [f"set aside: event {event}: {why}" for event, why in ledger.aside]
    for found in (check_hashes(ledger), check_streams(ledger), check_checkpoints(ledger, given.public_key),
                  check_attempts(ledger), check_acknowledged(ledger, acknowledged)):
        faults += found
    print("\n".join(faults[:40]))
    print(f"{len(ledger.entries)} events, {len(ledger.checkpoints)} checkpoints, "
          f"{len(acknowledged)} acknowledgements, {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
