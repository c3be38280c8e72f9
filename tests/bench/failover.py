"""How long a cluster of three is without an answer when a node goes: killed, and stopped in order.

    failover.py BINARY [--reference RESTATE_SERVER] [--rounds N] [--seconds S] [--json FILE]

Twelve clients, each with an object of its own, add through the nodes that stay, one request
after the other.  The node that goes is the one that leads most (of the reference, each in
turn).  Of each round:

    first answer   of the slowest client: from the moment the node went until it heard again
    normal         from then on no half second has a p99 of more than three times that of before,
                   and 50 ms more
    failed         requests that got anything but an answer, and had to be asked again
"""
import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from load import register  # noqa: E402
from processes import Node, wait_until  # noqa: E402
from service import Service  # noqa: E402

CLIENTS = 12
BEFORE = 5.0  # seconds of load before a node goes


class Reference(Node):
    """The same three verbs of another server."""

    def __init__(self, binary, folder, number, peers):
        super().__init__(binary, folder, number)
        self.peers = peers

    def launch(self):
        config = os.path.join(os.path.dirname(self.folder), f"n{self.number}.toml")
        addresses = [f"http://127.0.0.1:{peer.ports['node']}" for peer in self.peers]
        with open(config, "w") as file:
            file.write(f'''
node-name = "n{self.number}"
cluster-name = "failover"
auto-provision = {"true" if self.number == 1 else "false"}
base-dir = "{self.folder}"
bind-address = "127.0.0.1:{self.ports['node']}"
advertised-address = "http://127.0.0.1:{self.ports['node']}"
default-num-partitions = 4
default-replication = 2
log-filter = "warn"
disable-telemetry = true
[metadata-client]
addresses = {json.dumps(addresses)}
[bifrost]
default-provider = "replicated"
[ingress]
bind-address = "127.0.0.1:{self.ports['ingress']}"
[admin]
bind-address = "127.0.0.1:{self.ports['admin']}"
''')
        self.process = subprocess.Popen([self.binary, "--config-file", config],
                                        stdout=self._log, stderr=self._log, start_new_session=True)
        self.starts += 1

    def wait_ready(self, within=60):
        def serves():
            for kind, path in (("admin", "/health"), ("ingress", "/restate/health")):
                try:
                    with urllib.request.urlopen(self.url(kind, path), timeout=1):
                        pass
                except OSError:
                    return False
            return True

        wait_until(serves, within, f"n{self.number} serves\n{self.log_end()}")


class Client(threading.Thread):
    def __init__(self, number, stop):
        super().__init__(daemon=True)
        self.number, self.stop = number, stop
        self.ports = []    # that may be asked
        self.answers = []  # (begun, ended)
        self.failed = []   # (begun, ended)

    def run(self):
        connection, asked, name, begun = None, 0, None, 0.0
        while not self.stop.is_set():
            if name is None:
                asked += 1
                name, begun = f"{self.number}-{asked}", time.monotonic()
            tried = time.monotonic()
            try:
                if connection is None:
                    port = self.ports[(self.number + len(self.failed)) % len(self.ports)]
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request("POST", f"/Counter/c{self.number}/add",
                                   headers={"idempotency-key": name})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise OSError(f"status {answer.status}")
            except (OSError, http.client.HTTPException):
                self.failed.append((tried, time.monotonic()))
                connection = None
                time.sleep(0.01)
                continue
            self.answers.append((begun, time.monotonic()))
            name = None
            time.sleep(0.005)


def p99(spans):
    took = sorted(ended - begun for begun, ended in spans)
    return took[int(len(took) * 0.99)] if took else float("inf")


def leader_of_most(nodes):
    with urllib.request.urlopen(nodes[0].url("node", "/cluster/status"), timeout=5) as answer:
        status = json.load(answer)
    names = {node["id"]: node["name"] for node in status["nodes"]}
    leads = [names[p["node"]] for p in status["partitions"] if p["mode"] == "leader"]
    return max(nodes, key=lambda node: leads.count(f"n{node.number}"))


def measure(nodes, victim, how, seconds):
    """One node goes under load, and comes back."""
    stop = threading.Event()
    clients = [Client(number, stop) for number in range(CLIENTS)]
    for client in clients:
        client.ports = [node.ports["ingress"] for node in nodes if node is not victim]
        client.start()
    time.sleep(BEFORE)
    went = time.monotonic()
    victim.kill() if how == "kill -9" else victim.stop(60)
    left = time.monotonic()
    time.sleep(max(0, seconds - (left - went)))
    stop.set()
    for client in clients:
        client.join(90)
    victim.start()
    answers = [span for client in clients for span in client.answers]
    before = p99([span for span in answers if went - BEFORE + 2 < span[1] < went])
    firsts = [min((ended for _, ended in client.answers if ended > went), default=float("inf")) - went
              for client in clients]
    # Of a stop in order every gap counts: it is not known when its leaders left.
    gaps = [max((two[1] - one[1] for one, two in zip(client.answers, client.answers[1:])
                 if two[1] > went), default=float("inf")) for client in clients]
    halves = [went + half / 2 for half in range(int(seconds * 2))]
    slow = [half + 0.5 - went for half in halves
            if p99([span for span in answers if half < span[1] <= half + 0.5])
            > max(3 * before, before + 0.05)]
    failed = sum(1 for client in clients for span in client.failed if span[1] > went)
    return {"first_answer": max(firsts if how == "kill -9" else gaps), "p99_before": before,
            "normal": max(slow, default=0.0), "failed": failed, "stopped_in": left - went,
            "answers": len(answers)}


def start_cluster(told, which, folder):
    if which == "perdure":
        nodes = [Node(told.binary, folder, number, ["--log-level", "info"]) for number in (1, 2, 3)]
    else:
        nodes = []
        nodes += [Reference(told.reference, folder, number, nodes) for number in (1, 2, 3)]
    for node in nodes:
        node.fix_ports()
    if which == "perdure":
        nodes[0].arguments += ["--replication", "2"]
        for node in nodes[1:]:
            node.arguments += ["--join", f"127.0.0.1:{nodes[0].ports['node']}"]
    for node in nodes:
        node.launch()
    for node in nodes:
        node.wait_ready(120)
    time.sleep(5)  # leaders are spread
    return nodes


def measure_server(told, which, service):
    folder = tempfile.mkdtemp(prefix="failover-")
    nodes, rounds = [], []
    try:
        nodes = start_cluster(told, which, folder)
        register(nodes[0], service.url)
        time.sleep(3)  # everybody knows it
        for number in range(told.rounds):
            for how in ("kill -9", "stop"):
                victim = leader_of_most(nodes) if which == "perdure" else nodes[number % 3]
                found = measure(nodes, victim, how, told.seconds)
                rounds.append({"server": which, "how": how, "node": victim.number, **found})
                print(f"{which:<10} {how:<8} n{victim.number}  first answer {found['first_answer']:6.2f} s  "
                      f"normal {found['normal']:4.1f} s  p99 before {found['p99_before'] * 1e3:6.1f} ms  "
                      f"failed {found['failed']}", flush=True)
                time.sleep(8)  # leaders are spread again
    finally:
        for node in nodes:
            node.kill()
        shutil.rmtree(folder, ignore_errors=True)
    return rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--reference")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--json")
    told = parser.parse_args()
    service, rounds = Service(), []
    for which in ["perdure"] + (["reference"] if told.reference else []):
        rounds += measure_server(told, which, service)
    print(f"\n{'server':<10} {'how':<8} {'first answer, s':>24} {'normal, s':>12} {'failed':>8}"
          f"\n{'':19} {'least, median, most':>24} {'median':>12} {'all':>8}")
    for which in dict.fromkeys(each["server"] for each in rounds):
        for how in ("kill -9", "stop"):
            of = [each for each in rounds if each["server"] == which and each["how"] == how]
            first = sorted(each["first_answer"] for each in of)
            normal = sorted(each["normal"] for each in of)
            print(f"{which:<10} {how:<8} {first[0]:8.2f} {first[len(first) // 2]:7.2f} {first[-1]:7.2f} "
                  f"{normal[len(normal) // 2]:12.1f} {sum(each['failed'] for each in of):8d}")
    if told.json:
        with open(told.json, "w") as file:
            json.dump(rounds, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
