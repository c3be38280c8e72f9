"""The operator's verbs against a real server: what they show, what they refuse, and how
they say so.

    operator_verbs.py BINARY        last line: "N passed, N failed"
"""
import json
import os
import subprocess
import sys

from claims import run
from processes import Node

SECRET = "a secret of two dozen bytes"


def perdure(binary, *words):
    done = subprocess.run([binary, *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def claims(binary, folder):
    """Pairs of a sentence and whether it holds."""
    secret_file = os.path.join(folder, "secret")
    with open(secret_file, "w") as file:
        file.write(SECRET + "\n")
    node = Node(binary, folder, 1, ["--secret-file", secret_file, "--cluster-name", "orders"])
    node.start()
    at = ["--node", f"127.0.0.1:{node.ports['node']}"]
    try:
        code, out, _ = perdure(binary, "cluster", "status", "--json", *at)
        status = json.loads(out)
        yield "status is JSON on demand", code == 0 and status["cluster"] == "orders"
        yield "every partition is led", [p["mode"] for p in status["partitions"]] == ["leader"] * 4
        yield "the node tells its addresses", \
            status["nodes"][0]["node"] == f"127.0.0.1:{node.ports['node']}"
        fingerprint = status["fingerprint"]

        code, out, _ = perdure(binary, "cluster", "status", *at)
        yield "status is a table for people", \
            code == 0 and "cluster orders" in out and "PARTITION" in out and "N1:1" in out
        code, out, _ = perdure(binary, "cluster", "nodes", *at)
        yield "nodes is the smaller table", code == 0 and "N1:1" in out and "MODE" not in out

        value = os.path.join(folder, "value")
        code, out, _ = perdure(binary, "cluster", "metadata", "get", "cluster", "--out", value, *at)
        yield "an object is read", \
            code == 0 and "cluster, version 1" in out and os.path.getsize(value) > 0
        code, _, err = perdure(binary, "cluster", "metadata", "get", "nothing", *at)
        yield "an object that is not there is said so", code == 1 and "no object 'nothing'" in err

        put = ["cluster", "metadata", "put", "note", "--file", value, *at]
        code, _, err = perdure(binary, *put, "--expected-version", "0")
        yield "nobody writes without the secret", code == 1 and "proof" in err
        other = os.path.join(folder, "other")
        with open(other, "w") as file:
            file.write("another secret, as long\n")
        code, _, err = perdure(binary, *put, "--expected-version", "0", "--secret-file", other)
        yield "nor with another", code == 1 and "does not hold" in err
        code, out, _ = perdure(binary, *put, "--expected-version", "0", "--secret-file", secret_file)
        yield "who knows it writes", code == 0 and "version 1" in out
        code, _, err = perdure(binary, *put, "--expected-version", "0", "--secret-file", secret_file)
        yield "but not over what somebody else wrote", code == 1 and "HTTP" not in err

        node.kill()
        node.start()
        code, out, _ = perdure(binary, "cluster", "status", "--json", *at)
        again = json.loads(out)
        yield "a restart is a new incarnation", again["nodes"][0]["incarnation"] == 2
        yield "of the same cluster", again["fingerprint"] == fingerprint
        code, out, _ = perdure(binary, "cluster", "metadata", "get", "note", "--json", *at)
        yield "what was written is there", code == 0 and json.loads(out)["version"] == 1

        node.stop()
        code, _, err = perdure(binary, "cluster", "status", *at)
        yield "a server that is away is said so", code == 69 and "no answer" in err
        code, _, err = perdure(binary, "cluster", "statsu", *at)
        yield "a word that is none is refused", code == 64 and err != ""
        code, out, _ = perdure(binary, "cluster", "--help")
        yield "help tells the verbs", code == 0 and "metadata" in out and "status" in out

        stranger = Node(binary, folder, 1, ["--cluster-name", "bills"])
        try:
            stranger.start()
            yield "another cluster's directory is refused", False
        except RuntimeError as why:
            yield "another cluster's directory is refused", \
                "belongs to cluster 'orders'" in str(why)
    finally:
        node.kill()


if __name__ == "__main__":
    sys.exit(run(claims))
