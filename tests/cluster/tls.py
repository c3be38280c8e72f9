"""A cluster whose nodes speak TLS among themselves: it forms and works, lets nobody else in,
and takes new certificates one node after the other.

    tls.py BINARY       last line: "N passed, N failed"
"""
import os
import subprocess
import sys
import urllib.request

from claims import run
from cluster_verbs import Operator, in_time
from load import register
from operator_verbs import SECRET, perdure
from processes import Node, wait_until
from service import Service


class Authority:
    """As docs/user/cluster.md makes one."""

    def __init__(self, folder, name):
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.new_key("-x509", "-days", "3650", "-subj", f"/CN={name}",
                     "-keyout", "ca.key", "-out", "ca.pem")

    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

    def new_key(self, *words):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", *words)

    def issue(self, name):
        """Anew, over what there was."""
        self.new_key("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-days", "365", "-out", f"{name}.pem")
        return self.options(name)

    def options(self, name):
        file = lambda of: os.path.join(self.folder, of)
        return ["--tls-cert", file(f"{name}.pem"), "--tls-key", file(f"{name}.key"),
                "--tls-ca", file("ca.pem")]


class TlsOperator(Operator):
    def __init__(self, binary, node, secret_file, options):
        super().__init__(binary, node, secret_file)
        self.options = options

    def __call__(self, *words):
        return super().__call__(*words, *self.options)


def add(node, key):
    """What the counter says then."""
    request = urllib.request.Request(node.url("ingress", f"/Counter/{key}/add"), b"")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.read())


def log_says(node, *words):
    with open(node.log_path, errors="replace") as log:
        return any(all(word in line for word in words) for line in log)


def claims(binary, folder):
    """Pairs of a sentence and whether it holds."""
    secret_file = os.path.join(folder, "secret")
    with open(secret_file, "w") as file:
        file.write(SECRET + "\n")
    ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
    common = ["--secret-file", secret_file, "--drain", "3s"]
    nodes = [Node(binary, folder, number, [*common, *ours.issue(f"n{number}")])
             for number in (1, 2, 3)]
    a, b, c = nodes
    plain = Node(binary, folder, 4, list(common))
    stranger = Node(binary, folder, 5, [*common, *theirs.issue("n5")])
    service = Service()
    try:
        a.arguments += ["--replication", "2"]
        a.start()
        for node in (b, c, plain, stranger):
            node.arguments += ["--join", f"127.0.0.1:{a.ports['node']}"]
        b.start()
        c.start()
        operator = TlsOperator(binary, a, secret_file, ours.issue("operator"))
        yield "three nodes are one cluster", \
            in_time(lambda: len(operator.json("status")["metadata"]["voters"]) == 3)
        yield "every partition has a leader and a follower", \
            in_time(lambda: all(operator.leads(p) for p in range(4))
                    and len(operator.json("status")["partitions"]) == 8)
        register(a, service.url)
        yield "whoever is asked, invocations are done", \
            [add(node, key) for key in "pqrs" for node in nodes] == [1, 2, 3] * 4

        code, out, _ = perdure(binary, "log", "describe", "--node",
                               f"127.0.0.1:{a.ports['node']}", *operator.options)
        yield "other verbs speak it too", code == 0 and "open" in out

        # --- who is not let in ---
        at = ["--node", f"127.0.0.1:{a.ports['node']}"]
        code, _, err = perdure(binary, "cluster", "status", *at)
        yield "a verb without TLS hears that it is needed", code == 1 and "TLS only" in err
        code, _, err = perdure(binary, "cluster", "status", *at, *theirs.options("n5"))
        yield "a verb that trusts another CA refuses the node", \
            code == 69 and "its certificate" in err
        code, _, err = perdure(binary, "cluster", "status", *at, *theirs.options("n5")[:4],
                               "--tls-ca", ours.options("n1")[-1])
        yield "a verb with another CA's certificate is refused", \
            code == 69 and "unknown ca" in err
        code, _, err = perdure(binary, "cluster", "status", *at, *ours.options("n1")[:2])
        yield "a certificate without its key is no command line", code == 64 and "all, or none" in err
        plain.launch()
        yield "a node without TLS does not join, and the log says why", \
            in_time(lambda: log_says(plain, "node.join.not_yet")
                    and log_says(a, "peers.refused", "does not speak TLS"))
        stranger.launch()
        yield "nor does one of another CA", \
            in_time(lambda: log_says(stranger, "node.join.not_yet", "its certificate")
                    and log_says(a, "peers.refused", "unknown ca"))
        plain.kill()
        stranger.kill()
        yield "nobody came of it", len(operator.json("status")["nodes"]) == 3

        # --- a node goes, and comes back with a new certificate ---
        c.kill()
        yield "without one node the others go on", \
            in_time(lambda: all(operator.leads(p) in (1, 2) for p in range(4))) \
            and [add(node, key) for key in "pqrs" for node in (a, b)] == [4, 5] * 4
        ours.issue("n3")
        c.start()
        yield "it is back with a new certificate", \
            in_time(lambda: operator.node_named("n3")["health"] == "alive")
        for node in (a, b):
            ours.issue(f"n{node.number}")
            node.stop()
            node.start()
            wait_until(lambda: all(n["health"] == "alive" for n in operator.json("status")["nodes"]),
                       20, "all alive")
        yield "all have new ones, and nothing is lost", \
            [add(c, key) for key in "pqrs"] == [6] * 4

        a.kill()
        a.arguments[a.arguments.index("--tls-key") + 1] = ours.options("n2")[3]
        try:
            a.start()
            yield "a key of another certificate is refused", False
        except RuntimeError as why:
            yield "a key of another certificate is refused", "--tls-key" in str(why)
    finally:
        for node in [*nodes, plain, stranger]:
            node.kill()
        service.close()


if __name__ == "__main__":
    sys.exit(run(claims))
