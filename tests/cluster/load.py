"""Clients that add to counters, and write down what they did and heard.

Each is one caller.  In doubt it asks again under the same idempotency key, perhaps at
another door, or it does not and says so: half of the time each.
"""
import http.client
import json
import random
import threading
import time
import urllib.request

KEYS = 4


def register(node, url):
    body = json.dumps({"uri": url, "use_http_11": True}).encode()
    request = urllib.request.Request(node.url("admin", "/deployments"), body,
                                     {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status in (200, 201), answer.status


class Client(threading.Thread):
    """`ports`: of the ingresses that it may ask; it stays with one while that answers."""

    def __init__(self, history, ports, seed, stop, keys=KEYS):
        super().__init__(daemon=True)
        self.history, self.ports, self.stop, self.keys = history, list(ports), stop, keys
        self.random = random.Random(seed)
        self.at = self.random.randrange(len(self.ports))
        self.acknowledged = 0
        self.troubles = []  # (when it was asked, port, what came of it)
        self.answers = []   # (when it was asked, port, how long it took)
        self.connection = None

    def run(self):
        process = self.history.new_process()
        number = 0
        while not self.stop.is_set():
            number += 1
            key = f"k{self.random.randrange(self.keys)}"
            again = self.random.random() < 0.5
            name = f"{process}-{number}" if again else None
            self.history.say(process, "invoke", "add", key, None)
            value, refused = self.ask(key, name)
            while value is None and again and not self.stop.is_set():
                time.sleep(0.05)
                value, refused = self.ask(key, name)
            if value is not None:
                self.acknowledged += 1
                self.history.say(process, "ok", "add", key, value)
            else:
                self.history.say(process, "fail" if refused and not again else "info", "add", key,
                                 None)
                process = self.history.new_process()
                time.sleep(0.05)

    def ask(self, key, name):
        """(the count, False), or (None, whether it surely did not happen)."""
        begun, port = time.monotonic(), self.ports[self.at]
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                self.connection.connect()
        except OSError as why:
            self.give_up(begun, port, f"no connection: {why}")
            return None, True
        try:
            headers = {"idempotency-key": name} if name else {}
            self.connection.request("POST", f"/Counter/{key}/add", headers=headers)
            answer = self.connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                self.answers.append((begun, port, time.monotonic() - begun))
                return int(body), False
            self.give_up(begun, port, f"{answer.status} {body.decode(errors='replace').strip()}")
        except (OSError, http.client.HTTPException, ValueError) as why:
            self.give_up(begun, port, f"no answer: {type(why).__name__} {why}")
        return None, False

    def give_up(self, begun, port, what):
        """The next question goes to the next door."""
        self.troubles.append((begun, port, what))
        self.at = (self.at + 1) % len(self.ports)
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def read_all(history, node, keys=KEYS):
    """What is there in the end, asked directly."""
    for number in range(keys):
        process, key = history.new_process(), f"k{number}"
        history.say(process, "invoke", "get", key, None)
        request = urllib.request.Request(node.url("ingress", f"/Counter/{key}/get"), b"")
        with urllib.request.urlopen(request, timeout=60) as answer:
            history.say(process, "ok", "get", key, int(answer.read()))
