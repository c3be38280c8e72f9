"""`perdure log`, on a server that runs, and on the data directory of one that does not.

    log_verbs.py BINARY        last line: "N passed, N failed"
"""
import hashlib
import http.client
import json
import os
import socket
import sys
import threading

from claims import run
from operator_verbs import SECRET, perdure
from processes import Node, wait_until
from separate_nodes import register
from service import Service

ADDS = 40


def add(node, key):
    connection = http.client.HTTPConnection("127.0.0.1", node.ports["ingress"], timeout=20)
    connection.request("POST", f"/Counter/{key}/add")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def print_of(folder):
    """Everything that is in it: names, contents and times of change."""
    seen = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
            seen[os.path.relpath(path, folder)] = (content, os.stat(path).st_mtime_ns)
    return seen


def records(out):
    return [json.loads(line) for line in out.splitlines()]


def commands(found):
    return {command["command"] for record in found for command in record["commands"]}


def live_claims(binary, node, secret):
    at = ["--node", f"127.0.0.1:{node.ports['node']}"]

    def log(*words):
        return perdure(binary, "log", *words, *at)

    code, out, _ = log("describe", "--json")
    chains = json.loads(out)["partitions"]
    yield "every partition has a chain", code == 0 and [c["id"] for c in chains] == [0, 1, 2, 3]
    yield "each of one open loglet of this process", \
        [(len(c["loglets"]), c["loglets"][0]["tail"], c["loglets"][0]["sequencer"])
         for c in chains] == [(1, 0, "N1:1")] * 4
    code, out, _ = log("describe", "--partition", "2")
    yield "of one, as a table", code == 0 and "partition 2" in out and "open" in out
    code, _, err = log("describe", "--partition", "9")
    yield "of none that there is not", code == 1 and "0 to 3" in err

    dumped = {}
    for partition in range(4):
        code, out, _ = log("dump", "--partition", str(partition), "--most", "10000", "--json")
        dumped[partition] = records(out) if code == 0 else []
    together = sum(dumped.values(), [])
    yield "a log begins with its leader's announcement", \
        all(d[0]["commands"][0]["command"] == "AnnounceLeader" for d in dumped.values())
    yield "records are numbered without a gap", \
        all([r["lsn"] for r in d] == list(range(1, len(d) + 1)) for d in dumped.values())
    yield "every call is there, from its beginning to its end", \
        sum(c["command"] == "Invoke" for r in together for c in r["commands"]) == ADDS \
        and {"Invoke", "Entry", "End"} <= commands(together)
    yield "commands name whom they are about", \
        all(c["ids"][0].startswith("inv_1") for r in together for c in r["commands"]
            if c["command"] in ("Invoke", "End"))
    busy = max(dumped, key=lambda p: len(dumped[p]))
    some = ["dump", "--partition", str(busy), "--from", "3", "--most", "2"]
    code, out, _ = log(*some, "--json")
    yield "a part of it on demand", code == 0 and [r["lsn"] for r in records(out)] == [3, 4]
    code, out, _ = log(*some)
    yield "and as a table", code == 0 and "COMMANDS" in out and len(out.splitlines()) == 3

    code, out, _ = log("find-tail", "--partition", str(busy), "--json")
    tail = json.loads(out)
    yield "the writer says where its log ends", \
        code == 0 and tail["by"] == "writer" and tail["tail"] == len(dumped[busy]) + 1
    trim = ["trim", "--partition", str(busy), "--to", "2"]
    code, _, err = log(*trim)
    yield "nobody trims without the secret", code == 1 and "proof" in err
    code, _, err = log(*trim, "--secret-file", secret)
    yield "nor what no snapshot contains", code == 1 and "is needed" in err
    code, _, err = log("seal", "--partition", str(busy))
    yield "nobody seals without the secret", code == 1 and "proof" in err
    code, out, _ = log("seal", "--partition", str(busy), "--secret-file", secret)
    yield "who knows it seals", code == 0 and "sealed" in out
    code, out, _ = log("reconfigure", "--partition", str(busy), "--secret-file", secret, "--json")
    loglets = json.loads(out)["loglets"] if code == 0 else []
    yield "reconfiguring leaves another loglet open, right behind the one before", \
        len(loglets) > 1 and loglets[-1]["tail"] == 0 and \
        loglets[-1]["base"] == loglets[-2]["tail"]
    yield "and the calls go on", [add(node, f"k{n}")[0] for n in range(7)] == [200] * 7
    code, _, err = log("no-such-verb")
    yield "a word that is none is refused", code == 64 and err != ""


def cluster_claims(binary, folder, secret):
    """Three nodes with two copies of everything."""
    folder = os.path.join(folder, "cluster")
    os.mkdir(folder)
    nodes = [Node(binary, folder, 1, ["--secret-file", secret, "--replication", "2"])]
    try:
        starting = threading.Thread(target=nodes[0].start)
        nodes[0].ports["node"] = free_port()
        starting.start()
        for number in (2, 3):
            nodes.append(Node(binary, folder, number,
                              ["--secret-file", secret,
                               "--join", f"127.0.0.1:{nodes[0].ports['node']}"]))
            nodes[-1].start()
        starting.join()

        def log(node, *words):
            code, out, _ = perdure(binary, "log", *words, "--json", "--node",
                                   f"127.0.0.1:{node.ports['node']}")
            return json.loads(out) if code == 0 else None

        def chain():
            return (log(nodes[1], "describe", "--partition", "0") or {}).get("loglets", [])

        wait_until(lambda: chain() and len(chain()[-1]["nodeset"]) > 1, 60, "copies on two nodes")
        yield "every node tells the same chains", \
            len({json.dumps(log(node, "describe", "--partition", "0")) for node in nodes}) == 1
        writer = int(chain()[-1]["sequencer"][1:].split(":")[0])
        others = [node for node in nodes if node.number != writer]
        found = [log(node, "find-tail", "--partition", "0") for node in nodes]
        yield "the writer and the copies agree on the tail", \
            {f["tail"] for f in found} == {found[0]["tail"]} and \
            {f["by"] for f in found} == {"writer", "copies"}
        before = chain()[-1]
        after = log(others[0], "reconfigure", "--partition", "0", "--secret-file", secret)
        yield "a node that does not write the log reconfigures it", \
            after is not None and after["loglets"][-1]["id"] > before["id"] and \
            after["loglets"][-1]["tail"] == 0
    finally:
        for node in nodes:
            node.kill()


def claims(binary, folder):
    """Pairs of a sentence and whether it holds."""
    secret = os.path.join(folder, "secret")
    with open(secret, "w") as file:
        file.write(SECRET + "\n")
    service = Service()
    node = Node(binary, folder, 1, ["--secret-file", secret])
    at = ["--data-dir", node.folder]
    try:
        node.start()
        register(node, service.url)
        answers = [add(node, f"k{n % 7}")[0] for n in range(ADDS)]
        yield "the calls are answered", answers == [200] * ADDS
        yield from live_claims(binary, node, secret)

        code, _, err = perdure(binary, "log", "describe", *at)
        yield "the directory of a running server is refused", \
            code == 69 and f"in use by process {node.process.pid}" in err
        node.kill()
        before = print_of(node.folder)
        code, out, _ = perdure(binary, "log", "describe", *at, "--json")
        described = json.loads(out)
        yield "a directory is described", code == 0 and described["node"] == 1
        yield "with all chains, and what is here of them", \
            [p["chain"]["id"] for p in described["partitions"]] == [0, 1, 2, 3] and \
            all(here["missing"] == 0 for p in described["partitions"] for here in p["here"])
        code, out, _ = perdure(binary, "log", "describe", *at, "--partition", "1")
        yield "as a table", code == 0 and "here:" in out and "partition 1" in out
        found = []
        for partition in range(4):
            code, out, _ = perdure(binary, "log", "dump", *at, "--partition", str(partition),
                                   "--most", "10000", "--json")
            yield f"partition {partition} is dumped", code == 0
            found += records(out)
        yield "its records are those that were acknowledged", \
            sum(c["command"] == "End" for r in found for c in r["commands"]) >= ADDS
        code, _, err = perdure(binary, "log", "dump", *at, "--partition", "9")
        yield "a partition that is not there is said so", code == 65 and "partition 9" in err
        yield "nothing of it has changed", print_of(node.folder) == before

        node.start()
        where = ["--node", f"127.0.0.1:{node.ports['node']}"]
        code, out, _ = perdure(binary, "log", "describe", *where, "--json")
        after = json.loads(out)["partitions"]
        yield "the next start extends every chain", \
            all(c["loglets"][-1]["sequencer"] == "N1:2" for c in after)
        yield "from where the loglet before was sealed", \
            all(c["loglets"][-1]["base"] == c["loglets"][-2]["tail"] for c in after)
        yield "and the calls go on", add(node, "k1")[0] == 200
        node.stop()

        yield from cluster_claims(binary, folder, secret)

        rotten = os.path.join(node.folder, "wal", "0", "00000001.segment")
        with open(rotten, "r+b") as file:
            file.seek(700)
            byte = file.read(1)
            file.seek(700)
            file.write(bytes([byte[0] ^ 1]))
        code, _, err = perdure(binary, "log", "describe", *at)
        yield "rot is named by its place", code == 65 and "segment 1, byte" in err
        empty = os.path.join(folder, "empty")
        os.mkdir(empty)
        code, _, err = perdure(binary, "log", "describe", "--data-dir", empty)
        yield "a folder that is no data directory is refused", code == 65 and "storage-marker" in err
        yield "and stays empty", os.listdir(empty) == []

        code, out, _ = perdure(binary, "log", "bench", "--nodes", "1", "3", "--logs", "4",
                               "--in-flight", "8", "--seconds", "0.3", "--folder", folder, "--json")
        rows = json.loads(out) if code == 0 else []
        yield "logs are measured alone, on one node and on three", \
            [row["nodes"] for row in rows] == [1, 3] and \
            all(row["appends_per_second"] > 0 for row in rows)
        code, _, err = perdure(binary, "log", "describe", *where)
        yield "a server that is away is said so", code == 69 and "no answer" in err
    finally:
        node.kill()
        service.close()


if __name__ == "__main__":
    sys.exit(run(claims))
