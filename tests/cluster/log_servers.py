"""Log servers as processes of their own, killed and stopped still under load; then every disk
is read.

    log_servers.py BINARY [--servers 3|5] [--seconds S] [--seed X] [--folder F]

One node writes the logs of all partitions and holds no copy of them; the others are log
servers and nothing else, and hold two copies of each record.  They are killed (-9) and stand
still in turn, now and then the writer dies too.  Calls go on meanwhile, and each that was
acknowledged is written down by its id.  In the end

    the writer's log, record by record     has every acknowledged call, and no number is missing
    all disks, their processes killed      hold that log: each record on two of them at least,
                                           the same bytes at the same place

Nothing is trimmed, so nothing may be missing.  Last line: "N passed, N failed".
"""
import http.client
import json
import random
import sys
import threading
import time

import trial
from load import register
from operator_verbs import perdure
from processes import Node, wait_until

COPIES, PARTITIONS, PAGE = 2, 4, 1000
NOTHING_IS_TRIMMED = ["--checkpoint-every", "24h", "--checkpoint-log-bytes", "1000GiB",
                      "--dirty-bytes-max", "1000GiB"]


class Caller(threading.Thread):
    """Calls counters, or only sends to them, and keeps the ids of what was acknowledged."""

    def __init__(self, port, seed, stop):
        super().__init__(daemon=True)
        self.port, self.random, self.stop = port, random.Random(seed), stop
        self.ended, self.begun, self.in_doubt = [], [], 0  # ids: of answered calls, of sent ones

    def run(self):
        connection = None
        while not self.stop.is_set():
            send = self.random.random() < 0.5
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request("POST", f"/Counter/k{self.random.randrange(64)}/add"
                                   f"{'/send' if send else ''}")
                answer = connection.getresponse()
                body = answer.read()
                if answer.status not in (200, 202):
                    raise OSError(answer.status)
                if send:
                    self.begun.append(json.loads(body)["invocationId"])
                else:
                    self.ended.append(answer.headers["x-restate-id"])
            except (OSError, http.client.HTTPException, ValueError):
                self.in_doubt += 1
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.05)


class Logs:
    """A writer, and servers that hold its copies."""

    def __init__(self, binary, folder, servers, chance):
        self.binary = binary
        self.writer = Node(binary, folder, 1, ["--roles", "metadata,worker,ingress,admin",
                                               "--replication", str(COPIES)] + NOTHING_IS_TRIMMED)
        self.writer.fix_ports()
        self.servers = []
        for number in range(2, 2 + servers):
            server = Node(binary, folder, number, [
                "--roles", "log", "--request-bytes-max", "16KiB",
                "--segment-bytes", chance.choice(["8MiB", "16MiB"]),
                "--join", f"127.0.0.1:{self.writer.ports['node']}"])
            server.fix_ports()
            self.servers.append(server)

    def start(self):
        for node in self.all():
            node.launch()
        for node in self.all():
            node.wait_ready()

    def all(self):
        return [self.writer] + self.servers

    def close(self):
        for node in self.all():
            node.kill()

    def say(self, *words):
        code, out, err = perdure(self.binary, "log", *words, "--json", "--node",
                                 f"127.0.0.1:{self.writer.ports['node']}")
        if code != 0:
            raise RuntimeError(f"log {' '.join(words)}: {err.strip()}")
        return out

    def whole_log(self, partition):
        """What the writer says is committed, in order."""
        found = []
        while True:
            first = str(found[-1]["lsn"] + 1 if found else 1)
            page = lines(self.say("dump", "--partition", str(partition), "--from", first,
                                  "--most", str(PAGE)))
            found += page
            if not page:
                return found

    def bases(self, partition):
        """{loglet: (base, tail, nodes)}"""
        chain = json.loads(self.say("describe", "--partition", str(partition)))
        return {each["id"]: (each["base"], each["tail"], each["nodeset"])
                for each in chain["loglets"]}

    def disk_of(self, server, partition):
        """{(loglet, offset): record} of a server that does not run."""
        code, out, err = perdure(self.binary, "log", "dump", "--data-dir", server.folder, "--json",
                                 "--partition", str(partition), "--most", "100000000")
        if code != 0 and "nothing of partition" in err:
            return {}
        if code != 0:
            raise RuntimeError(f"the disk of n{server.number}: {err.strip()}")
        return {(each["loglet"], each["offset"]): content(each) for each in lines(out)}


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def content(record):
    """What does not depend on where it was found."""
    return {key: value for key, value in record.items()
            if key not in ("lsn", "loglet", "offset", "beyond_tail")}


class Nemesis:
    """Hits servers in turn; each is back before the next but one is hit."""

    def __init__(self, logs, chance):
        self.logs, self.chance, self.acts = logs, chance, {}
        self.turn = chance.randrange(len(logs.servers))

    def run(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.pause(0.2, 0.8)
            self.misfortune()

    def pause(self, least, most):
        time.sleep(self.chance.uniform(least, most))

    def count(self, act):
        self.acts[act] = self.acts.get(act, 0) + 1

    def next(self):
        self.turn = (self.turn + 1) % len(self.logs.servers)
        return self.logs.servers[self.turn]

    def misfortune(self):
        draw = self.chance.random()
        one = self.next()
        if draw < 0.35:
            self.kill(one)
        elif draw < 0.7:
            self.stand_still(one)
        elif draw < 0.85:  # two of them: with three servers no quorum is left for a while
            two = self.next()
            one.stand_still()
            self.kill(two)
            one.go_on()
            self.count("killed while another stood still")
        elif draw < 0.93:
            self.kill(self.logs.writer)
            self.count("the writer killed")
        else:
            for node in self.logs.all():
                node.kill()
            for node in self.logs.all():
                node.launch()
            for node in self.logs.all():
                node.wait_ready()
            self.count("all killed")

    def kill(self, node):
        node.kill()
        self.pause(0.0, 1.0)
        node.launch()
        # A writer that cannot find a quorum is ready only when its servers are.
        if node is not self.logs.writer:
            node.wait_ready()
        else:
            node.wait_ready(120)
        self.count("killed")

    def stand_still(self, node):
        node.stand_still()
        self.pause(0.1, 3.0)
        node.go_on()
        self.count("stood still")


def ids_in(records, command):
    """Whom commands of that name are about.  Once is enough: what was in doubt is sent again."""
    return {one for record in records for each in record.get("commands", [])
            if each["command"] == command for one in each["ids"]}


def check_disks(logs, partition, found, bases, wrong):
    """Every committed record is on enough disks, and the same on all that have it."""
    disks = {server.number: logs.disk_of(server, partition) for server in logs.servers}
    order = sorted((base, loglet) for loglet, (base, _, _) in bases.items())
    short = 0
    for record in found:
        base, loglet = max(each for each in order if each[0] <= record["lsn"])
        place = (loglet, record["lsn"] - base + 1)
        holders = [number for number, disk in disks.items() if place in disk]
        if len(holders) < COPIES:
            short += 1
            if short == 1:
                wrong.append(f"partition {partition}: record {record['lsn']} (loglet {loglet}, "
                             f"offset {place[1]}) is on disks {holders} only")
        for number in holders:
            if disks[number][place] != content(record):
                wrong.append(f"partition {partition}: record {record['lsn']} is another one on "
                             f"the disk of n{number}: {disks[number][place]}, not {record}")
    if short > 1:
        wrong.append(f"partition {partition}: {short} records are on too few disks")
    return sum(len(disk) for disk in disks.values())


def read_everything_back(logs, callers):
    """What is wrong, in sentences, and how much was read."""
    wrong, invoked, done, logged = [], set(), set(), {}
    for partition in range(PARTITIONS):
        found = logs.whole_log(partition)
        logged[partition] = (found, logs.bases(partition))
        if [each["lsn"] for each in found] != list(range(1, len(found) + 1)):
            wrong.append(f"partition {partition}: records are not numbered 1, 2, 3...")
        invoked |= ids_in(found, "Invoke")
        done |= ids_in(found, "End")
    begun = {each for caller in callers for each in caller.begun + caller.ended}
    ended = {each for caller in callers for each in caller.ended}
    if lost := begun - invoked:
        wrong.append(f"{len(lost)} acknowledged calls are not in the log, one is {min(lost)}")
    if lost := ended - done:
        wrong.append(f"the ends of {len(lost)} answered calls are not, one is {min(lost)}")
    for node in logs.all():
        node.kill()
    copies = sum(check_disks(logs, partition, found, bases, wrong)
                 for partition, (found, bases) in logged.items())
    records = sum(len(found) for found, _ in logged.values())
    loglets = sum(len(bases) for _, bases in logged.values())
    return wrong, f"{records} records in {loglets} loglets, {copies} copies on disks"


def serves(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/Counter/last/add")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def run(told, folder, service):
    chance = random.Random(told.seed)
    logs = Logs(told.binary, folder, told.servers, chance)
    stop, callers, wrong = threading.Event(), [], []
    nemesis = Nemesis(logs, chance)
    told_of = ""
    try:
        logs.start()
        register(logs.writer, service.url)
        port = logs.writer.ports["ingress"]
        wait_until(lambda: serves(port), 60, "the first call is answered")
        callers = [Caller(port, f"{told.seed}.{i}", stop) for i in range(4 * told.servers)]
        for caller in callers:
            caller.start()
        nemesis.run(told.seconds)
        stop.set()
        for caller in callers:
            caller.join(30)
        wait_until(lambda: serves(port), 60, "calls are answered in the end")
        wrong, told_of = read_everything_back(logs, callers)
        logs.start()  # from the disks as they are
        wait_until(lambda: serves(port), 60, "calls are answered after a last start of all")
    except (RuntimeError, OSError) as why:
        wrong.append(str(why))
    finally:
        stop.set()
        logs.close()
    acknowledged = sum(len(caller.begun) + len(caller.ended) for caller in callers)
    if acknowledged == 0:
        wrong.append("nothing was ever acknowledged")
    acts = ", ".join(f"{n} {act}" for act, n in sorted(nemesis.acts.items()))
    print(f"{acknowledged} acknowledged, {sum(c.in_doubt for c in callers)} in doubt; {told_of}; "
          f"{acts}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(trial.main("log_servers.py", __doc__, {"servers": 3, "seconds": 15.0}, run))
