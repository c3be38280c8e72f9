"""The operator's verbs against a cluster of three: making it, draining, reconfiguring, removing.

    cluster_verbs.py BINARY         last line: "N passed, N failed"
"""
import json
import os
import shutil
import signal
import sys
import time
import urllib.request

from claims import run
from operator_verbs import SECRET, perdure
from processes import Node, wait_until


class Operator:
    def __init__(self, binary, node, secret_file):
        self.binary, self.node, self.secret_file = binary, node, secret_file

    def __call__(self, *words):
        return perdure(self.binary, "cluster", *words, "--node",
                       f"127.0.0.1:{self.node.ports['node']}")

    def change(self, *words):
        return self(*words, "--secret-file", self.secret_file)

    def json(self, what):
        code, out, err = self(what, "--json")
        if code != 0:
            raise RuntimeError(f"cluster {what}: {err}")
        return json.loads(out)

    def line(self, partition):
        return self.json("partitions")["partitions"][partition]

    def node_named(self, name):
        return next(n for n in self.json("status")["nodes"] if n["name"] == name)

    def leads(self, partition):
        """The number of the node that really does, or None."""
        found = [p["node"] for p in self.json("status")["partitions"]
                 if p["id"] == partition and p["mode"] == "leader"]
        return found[0] if len(found) == 1 else None

    def open_loglets(self):
        return [log["loglets"][-1] for log in self.json("logs")["logs"]]


def in_time(holds, within=20):
    try:
        wait_until(holds, within, "")
        return True
    except RuntimeError:
        return False


def ends_at_once(node):
    """Told to stop while it waits for something; and how."""
    time.sleep(0.5)
    begun = time.monotonic()
    node.process.send_signal(signal.SIGTERM)
    return node.process.wait(20) == 0 and time.monotonic() - begun < 3


def keepers_of_metadata(node):
    url = f"http://127.0.0.1:{node.ports['admin']}/cluster-health"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["metadata_cluster_health"]["members"]


def claims(binary, folder):
    """Pairs of a sentence and whether it holds."""
    secret_file = os.path.join(folder, "secret")
    with open(secret_file, "w") as file:
        file.write(SECRET + "\n")
    common = ["--secret-file", secret_file, "--checkpoint-every", "1s", "--drain", "3s"]
    nodes = [Node(binary, folder, number, list(common)) for number in (1, 2, 3)]
    a, b, c = nodes
    a.arguments += ["--replication", "2", "--auto-provision", "false", "--zone", "west"]
    try:
        a.fix_ports()
        a.launch()
        yield "who waits to be provisioned can be stopped", ends_at_once(a)
        for node in (b, c):
            node.fix_ports()
            node.arguments += ["--join", f"127.0.0.1:{a.ports['node']}"]
        b.launch()
        yield "who waits for a cluster to join can be stopped", ends_at_once(b)

        a.launch()
        operator = Operator(binary, a, secret_file)
        wait_until(a.healthy, 20, "the node port of n1")
        code, _, err = operator("status")
        yield "before there is a cluster, status says so", code == 1 and "not in a cluster" in err
        code, _, err = operator("provision")
        yield "nobody provisions without the secret", code == 1 and "proof" in err
        code, out, _ = operator.change("provision")
        yield "provision makes the cluster", code == 0 and "makes its cluster" in out
        b.launch()
        a.wait_ready()
        b.wait_ready()
        code, _, err = operator.change("provision")
        yield "and only once", code == 1 and "already" in err
        c.start()
        yield "three nodes are one cluster", \
            in_time(lambda: len(operator.json("status")["metadata"]["voters"]) == 3)
        yield "and each says so at its admin port", \
            in_time(lambda: all(keepers_of_metadata(node) == [1, 2, 3] for node in nodes))

        code, out, _ = operator("status")
        yield "status tells state, health, zone, roles, and who leads the metadata", \
            all(word in out for word in ("STATE", "active", "HEALTH", "alive", "west", "ROLES",
                                         "metadata: leader N1"))
        yield "every partition has a leader and a follower", \
            in_time(lambda: all(operator.leads(p) for p in range(4))
                    and len(operator.json("status")["partitions"]) == 8)
        yield "and its log all three nodes", \
            in_time(lambda: all(len(loglet["nodeset"]) == 3 for loglet in operator.open_loglets()))
        code, out, _ = operator("partitions")
        yield "partitions is a table", code == 0 and "REPLICAS" in out and "N1 N" in out
        code, out, _ = operator("logs")
        yield "logs is a table", code == 0 and "NODESET" in out and "open" in out

        # --- leaders ---
        line = operator.line(0)
        other = next(n for n in line["replicas"] if n != line["leader"])
        stranger = ({1, 2, 3} - set(line["replicas"])).pop()
        one = ["reconfigure", "--partition", "0"]
        code, _, err = operator.change(*one, "--leader", str(stranger))
        yield "who has no replica cannot lead", code == 1 and "no replica" in err
        code, _, err = operator(*one, "--leader", str(other))
        yield "nobody reconfigures without the secret", code == 1 and "proof" in err
        code, out, _ = operator.change(*one, "--freeze")
        yield "a partition is frozen", code == 0 and operator.line(0)["frozen"]
        # Frozen, or the plan might give it back at once, for balance.
        code, out, _ = operator.change(*one, "--leader", f"N{other}")
        yield "a leader is moved", code == 0 and in_time(lambda: operator.leads(0) == other)
        code, _, _ = operator.change(*one, "--unfreeze", "--pin", str(line["leader"]))
        yield "a pin moves it too", \
            code == 0 and in_time(lambda: operator.leads(0) == line["leader"])
        code, _, err = operator.change(*one, "--leader", str(other))
        yield "and holds", code == 1 and "pinned" in err
        code, out, _ = operator.change(*one, "--unpin")
        yield "unpinned", code == 0 and "yes" not in out and operator.line(0)["pinned"] == 0
        code, _, err = operator.change("reconfigure", "--partition", "9", "--freeze")
        yield "a partition that is none is refused", code == 1 and "no partition 9" in err
        code, _, err = operator.change("reconfigure")
        yield "reconfigure wants to be told what", code == 64 and "--replication" in err

        # --- replication ---
        code, _, err = operator.change("reconfigure", "--replication", "4")
        yield "more copies than nodes are refused", code == 1 and "too few" in err
        code, out, _ = operator.change("reconfigure", "--replication", "3")
        yield "three copies", code == 0 and "replication" in out
        yield "then logs and partitions have three", in_time(
            lambda: all(loglet["replication"] == "{node: 3}" for loglet in operator.open_loglets())
            and all(len(line["replicas"]) == 3
                    for line in operator.json("partitions")["partitions"]))
        code, _, _ = operator.change("reconfigure", "--replication", "2")
        yield "and two again", code == 0 and in_time(
            lambda: all(loglet["replication"] == "{node: 2}" for loglet in operator.open_loglets())
            and all(len(line["replicas"]) == 2
                    for line in operator.json("partitions")["partitions"]))

        # --- nodes ---
        code, _, err = operator.change("remove", "n3")
        yield "a node that is active is not removed", code == 1 and err != ""
        code, _, err = operator.change("drain", "n4")
        yield "a node that is none is said so", code == 1 and "no node 'n4'" in err
        third = operator.node_named("n3")["id"]
        code, out, _ = operator.change("drain", "n3")
        yield "a node is drained", code == 0 and out == f"N{third} is draining now\n"
        code, _, err = operator.change("remove", "n3")
        yield "and not removed before it is done", code == 1 and "still" in err
        yield "all partitions leave it", in_time(
            lambda: all(third not in line["replicas"]
                        for line in operator.json("partitions")["partitions"]))
        yield "and no log is written to it", in_time(
            lambda: all(third not in loglet["nodeset"] for loglet in operator.open_loglets()))
        code, out, _ = operator.change("activate", f"N{third}")
        yield "a drain is taken back", code == 0 and "active" in out
        yield "then logs are written to it again", in_time(
            lambda: all(third in loglet["nodeset"] for loglet in operator.open_loglets()))
        operator.change("drain", "n3")
        yield "a drained node is removed", \
            in_time(lambda: operator.change("remove", "n3", "--json")[0] == 0)
        yield "its process ends by itself", in_time(lambda: not c.running())
        yield "and leaves the metadata group", \
            in_time(lambda: third not in operator.json("status")["metadata"]["voters"])
        yield "the others do not show it", \
            [n["name"] for n in operator.json("status")["nodes"]] == ["n1", "n2"]
        try:
            c.start()
            yield "with its old disk it does not come back", False
        except RuntimeError as why:
            yield "with its old disk it does not come back", "not of this cluster any more" in str(why)
        shutil.rmtree(c.folder)
        c.start()
        yield "with an empty one it joins anew", \
            in_time(lambda: len(operator.json("status")["nodes"]) == 3)
        # --- a quorum that is away ---
        yield "all is led before", in_time(lambda: all(operator.leads(p) for p in range(4)))
        a.kill()
        b.kill()
        c.kill()
        b.launch()
        yield "who waits for a quorum can be stopped", ends_at_once(b)
    finally:
        for node in nodes:
            node.kill()


if __name__ == "__main__":
    sys.exit(run(claims))
