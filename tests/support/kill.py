#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One round of SIGKILL while a campaign is under way and people go on with their acts.

    kill.py HOME SEED CAMPAIGN BOARDS SIDE_CAMPAIGN SIDE_RELEASE ACKNOWLEDGED

HOME is an installation that runs, with boards unit-1 to unit-BOARDS at work on CAMPAIGN. Service, keeper,
PostgreSQL (all its processes), a board and an agent are killed at moments that SEED gives, each at least
once, and started again after up to a second; outages overlap. Meanwhile people add records to SIDE_RELEASE,
sign them, hold and resume SIDE_CAMPAIGN and hand out tokens for the device after the last board. Whatever
was answered goes to the file ACKNOWLEDGED as ledger.py reads it.

Exits 0 when every board is confirmed and has delivered its reports, and no answer was of a kind that an
outage does not explain.
"""

import base64
import hashlib
import http.client
import json
import os
import random
import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid

KILLS = (5, 8)       # at least and at most, in a round
WINDOW_S = 3.0       # in which they fall, from the start of the round
DOWN_S = 1.0         # at most, before what was killed is started again
DEADLINE_S = 90.0    # for the boards, from then on
REPORTS_S = 30.0     # for their reports, after that
TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools")
# What an outage explains; the act is done again with the same key.
AGAIN = {"ledger.not-sealed-yet", "keeper.unavailable", "database.unavailable", "database.conflict", "http.busy"}
# The outcome of an earlier try is not known; or it was done, and only its answer was lost.
GONE = {"idempotency.running", "campaign.state", "challenge.used", "challenge.unknown", "challenge.stale",
        "challenge.expired", "record.invalid", "signature.not-open"}


def say(text):
    print(f"# {time.monotonic() - BEGAN:6.2f} s {text}", flush=True)


class Home:
    def __init__(self, path):
        self.path = path
        with open(os.path.join(path, "home.env")) as lines:
            env = dict(line.strip().split("=", 1) for line in lines)
        self.real = env["COUNTERSIGN_HOME"]
        self.ca = env["COUNTERSIGN_CA"]
        self.port = int(env["COUNTERSIGN_URL"].rsplit(":", 1)[1])
        with open(os.path.join(self.real, "accounts.json")) as file:
            self.passwords = {p["person"]: p["password"] for p in json.load(file)["people"]}

    def tool(self, name, *words):
        return subprocess.run([os.path.join(TOOLS, name), "-h", self.path, *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def pid_of(self, name):
        with open(os.path.join(self.real, "run", name + ".pid")) as file:
            return int(file.read())

    def show(self, unit):
        out = subprocess.run(
            [os.path.join(TOOLS, "as.sh"), "device", "--", os.path.join(self.real, "bin/countersign-agent"), "show",
             "--config", os.path.join(self.real, "devices", unit, "agent.json"), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        return json.loads(out) if out else {}


# ---- killing ----

def agents_of(board):
    """The agent that this board runs, in a list; empty while it boots or is not there."""
    found = []
    try:
        with open(f"/proc/{board}/task/{board}/children") as file:
            children = file.read().split()
        for child in children:
            if os.readlink(f"/proc/{child}/exe").endswith("/countersign-agent"):
                found.append(int(child))
    except OSError:
        pass
    return found


class Killer:
    def __init__(self, home, rng, boards):
        self.home, self.faults, self.started = home, [], []
        kinds = ["service", "keeper", "database", "board", "agent"]
        count = rng.randint(*KILLS)
        # PostgreSQL once: its recovery would take most of a round.
        victims = kinds + [rng.choice([kind for kind in kinds if kind != "database"])
                           for _ in range(count - len(kinds))]
        self.plan = sorted((rng.uniform(0.05, WINDOW_S), kind, rng.randint(1, boards), rng.uniform(0, DOWN_S))
                           for kind in victims)
        self.locks = {name: threading.Lock() for name in kinds + [f"unit-{n}" for n in range(1, boards + 1)]}

    def start(self):
        self.threads = [threading.Thread(target=self.one, args=step) for step in self.plan]
        for thread in self.threads:
            thread.start()

    def wait(self):
        for thread in self.threads:
            thread.join()

    def one(self, at, kind, number, down):
        time.sleep(max(0, BEGAN + at - time.monotonic()))
        unit = f"unit-{number}"
        with self.locks[unit if kind in ("board", "agent") else kind]:
            try:
                self.kill(kind, unit)
                say(f"killed {kind if kind not in ('board', 'agent') else kind + ' ' + unit}, down {down:.2f} s")
                if kind != "agent":  # a board starts its agent again by itself
                    time.sleep(down)
                    self.revive(kind, unit)
            except Exception as trouble:
                self.faults.append(f"killing {kind}: {trouble!r}")

    def kill(self, kind, unit):
        if kind == "database":
            done = self.home.tool("cluster.sh", "kill")
            if done.returncode:
                self.faults.append(f"cluster.sh kill: {done.stderr}")
        elif kind in ("service", "keeper"):
            self.home.tool("services.sh", "kill", kind)
        elif kind == "board":
            os.kill(self.home.pid_of(unit), signal.SIGKILL)
        else:
            for agent in agents_of(self.home.pid_of(unit)):
                os.kill(agent, signal.SIGKILL)

    def revive(self, kind, unit):
        if kind == "board":
            with open(os.path.join(self.home.real, "logs", unit + ".log"), "ab") as log:
                board = subprocess.Popen(
                    [os.path.join(TOOLS, "as.sh"), "device", "--", os.path.join(self.home.real, "bin/countersign-agent"),
                     "board", "--dir", os.path.join(self.home.real, "devices", unit)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            with open(os.path.join(self.home.real, "run", unit + ".pid"), "w") as file:
                file.write(f"{board.pid}\n")
            until = time.monotonic() + 10
            while not agents_of(board.pid):  # until then it is as.sh, and its children are
                if board.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{unit} does not boot")
                time.sleep(0.01)
            return
        until = time.monotonic() + 30
        while True:
            done = self.home.tool("services.sh", "start", kind)
            if done.returncode == 0:
                say(f"{kind} is up again")
                return
            say(f"{kind} did not start yet: {done.stderr.strip()[-160:]}")
            if time.monotonic() > until:
                raise RuntimeError(f"{kind} does not start: {done.stderr}")
            time.sleep(0.3)


# ---- people ----

class Refused(Exception):
    def __init__(self, status, code, detail):
        super().__init__(f"{status} {code}: {detail}")
        self.code = code


class Person:
    def __init__(self, home, name):
        self.home, self.name, self.token = home, name, None
        self.context = ssl.create_default_context(cafile=home.ca)
        self.token = self.ask("POST", "/v1/sessions", {"person": name, "password": home.passwords[name]})["token"]

    def ask(self, method, path, body=None, key=None):
        """One exchange. Raises OSError or HTTPException without an answer, Refused with a problem."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if key:
            headers["Idempotency-Key"] = key
        line = http.client.HTTPSConnection("127.0.0.1", self.home.port, timeout=15, context=self.context)
        try:
            line.request(method, path, None if body is None else json.dumps(body), headers)
            answer = line.getresponse()
            said = json.loads(answer.read() or b"{}")
        finally:
            line.close()
        if answer.status >= 300:
            raise Refused(answer.status, said.get("code"), said.get("detail"))
        return said


class Office(threading.Thread):
    """Acts by lot until it is told to stop."""

    def __init__(self, home, rng, spare, campaign, release, acknowledged):
        super().__init__()
        self.rng, self.spare, self.campaign, self.release = rng, spare, campaign, release
        self.people = {name: Person(home, name) for name in ("p-ada", "p-manager", "p-tester")}
        self.file = open(acknowledged, "a")
        self.counts, self.lost, self.faults, self.over = {}, {}, [], threading.Event()

    def note(self, act, **what):
        self.file.write(json.dumps(dict(what, act=act)) + "\n")
        self.file.flush()
        self.counts[act] = self.counts.get(act, 0) + 1

    def run(self):
        acts = [self.hand_out_token, self.hold_or_resume, self.hold_or_resume, self.add_record]
        while not self.over.is_set():
            act = self.rng.choice(acts)
            try:
                act()
            except Refused as problem:
                self.lost[problem.code] = self.lost.get(problem.code, 0) + 1
                if problem.code not in GONE:
                    self.faults.append(f"{act.__name__}: {problem}")
            except Exception as trouble:
                self.faults.append(f"{act.__name__}: {trouble!r}")
            time.sleep(self.rng.uniform(0, 0.1))
        self.file.close()

    def do(self, who, path, body, act=None, method="POST"):
        """Until it is answered, always with the same key. None: nobody will ever know."""
        key = str(uuid.uuid4())
        while True:
            try:
                return self.people[who].ask(method, path, body, key if method == "POST" else None)
            except Refused as problem:
                if problem.code not in AGAIN:
                    raise
            except (OSError, http.client.HTTPException, ValueError):
                pass
            if self.over.is_set():
                raise Refused(0, "idempotency.running", "the round is over")
            time.sleep(0.05)

    def hand_out_token(self):
        said = self.do("p-ada", f"/v1/devices/{self.spare}/access", {"token": True})
        self.note("token", token_sha256=hashlib.sha256(said["token"].encode()).hexdigest())

    def sign(self, who, meaning, kind, number, why):
        given = self.do(who, "/v1/challenges", {"meaning": meaning, "object": {"kind": kind, "id": number},
                                                "reason": why})
        return self.do(who, "/v1/signatures", {"challenge": given["challenge"],
                                               "password": self.people[who].home.passwords[who]})

    def hold_or_resume(self):
        path = f"/v1/campaigns/{self.campaign}"
        state = self.do("p-manager", path, None, method="GET")["state"]
        if state == "running":
            why = f"EXAMPLE hold {uuid.uuid4()}"
            said = self.do("p-manager", path + "/hold", {"reason": why})
            self.note("hold", event=said["event"], index=None, once=why)
        else:
            why = f"EXAMPLE resume {uuid.uuid4()}"
            signature = self.sign("p-manager", "resumed", "campaign", self.campaign, why)
            self.note("signature", event=signature["event"], index=signature["index"], once=why)
            said = self.do("p-manager", path + "/resume", {"signature": signature["signature"]})
            self.note("resume", event=said["event"], index=said["index"])

    def add_record(self):
        release = self.do("p-tester", f"/v1/releases/{self.release}", None, method="GET")
        number = str(uuid.uuid4())
        now = time.time()
        record = {"type": "countersign.record.v1", "id": number, "version": 1, "kind": "test",
                  "release": self.release, "product": release["product"], "result": "passed",
                  "subjects": [{"name": a["name"], "sha256": a["sha256"]} for a in release["artifacts"]],
                  "summary": "EXAMPLE bench run", "tester": "p-tester",
                  "performed_at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}Z"}
        document = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
        said = self.do("p-tester", f"/v1/releases/{self.release}/records",
                       {"document": base64.b64encode(document).decode()})
        self.note("record", event=said["event"], index=said["index"])
        why = f"EXAMPLE tested {uuid.uuid4()}"
        said = self.sign("p-tester", "tested", "record", number, why)
        self.note("signature", event=said["event"], index=said["index"], once=why)


# ---- the round ----

def states(person, campaign):
    try:
        items = person.ask("GET", f"/v1/campaigns/{campaign}/devices")["items"]
        return {item["device"]: (item["state"], item["attempt"]) for item in items}
    except (Refused, OSError, http.client.HTTPException, ValueError):
        return {}


def await_confirmed(office, campaign, units):
    last = {}
    while time.monotonic() - BEGAN < DEADLINE_S:
        now = states(office.people["p-manager"], campaign)
        if now and now != last:
            say(", ".join(f"{unit} {now[unit][0]}" for unit in sorted(now)))
            last = now
        if all(now.get(unit) == ("confirmed", 1) for unit in units):
            return []
        time.sleep(0.25)
    return [f"{unit} is {last.get(unit)}" for unit in units if last.get(unit) != ("confirmed", 1)]


def await_reports(home, office, campaign, units):
    """The units know that their reports were taken; that counts as acknowledged."""
    waiting, until = set(units), time.monotonic() + REPORTS_S
    while waiting and time.monotonic() < until:
        for unit in sorted(waiting):
            said = home.show(unit)
            if said and not said["unacknowledged"] and "job" not in said:
                office.note("report", device=unit, epoch=said["epoch"], reports=said["reports"])
                office.note("confirmed", confirmed=unit, campaign=campaign)
                waiting.remove(unit)
        time.sleep(0.2)
    return [f"{unit} still waits for an answer to its report" for unit in waiting]


def main():
    path, seed, campaign, boards, side_campaign, side_release, acknowledged = sys.argv[1:]
    home = Home(path)
    units = [f"unit-{number}" for number in range(1, int(boards) + 1)]
    office = Office(home, random.Random(seed + "office"), f"unit-{int(boards) + 1}", side_campaign, side_release,
                    acknowledged)
    killer = Killer(home, random.Random(seed), int(boards))
    killer.start()
    office.start()
    faults = await_confirmed(office, campaign, units)
    killer.wait()
    faults += await_reports(home, office, campaign, units)
    office.over.set()
    office.join(30)
    say(", ".join(f"{count} {act}" for act, count in sorted(office.counts.items())) + " acknowledged; "
        + ", ".join(f"{count} {code}" for code, count in sorted(office.lost.items())) + " given up")
    faults += killer.faults + office.faults
    for fault in faults:
        print("# FAULT " + fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    BEGAN = time.monotonic()
    main()
