"""Servers as real processes on the loopback: started, killed, stopped still, looked at."""
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request


class Node:
    """One perdure process and its data directory; the process may come and go."""

    def __init__(self, binary, folder, number, arguments=()):
        self.binary, self.number = binary, number
        self.folder = os.path.join(folder, f"n{number}")
        self.log_path = os.path.join(folder, f"n{number}.log")
        self.arguments = list(arguments)
        self.shards = 1
        self.ports = {"ingress": 0, "admin": 0, "node": 0}  # kept over restarts once known
        self.process = None
        self.starts = 0
        self._log = open(self.log_path, "ab")

    def fix_ports(self):
        """Of a node that others must know before it runs."""
        for kind in self.ports:
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                self.ports[kind] = one.getsockname()[1]

    def start(self, within=60):
        """Returns when it serves.  Raises with the log's end when it does not."""
        self.launch()
        self.wait_ready(within)

    def launch(self):
        command = [self.binary, "serve", "--data-dir", self.folder, "--node-name", f"n{self.number}",
                   "--partitions", "4", "--shards", str(self.shards)]
        for kind, port in self.ports.items():
            command += [f"--{kind}", f"127.0.0.1:{port}"]
        self.process = subprocess.Popen(command + self.arguments, stdout=subprocess.PIPE,
                                        stderr=self._log, start_new_session=True)
        self.starts += 1

    def wait_ready(self, within=60):
        line = self._first_line(within)
        found = dict(re.findall(r"(ingress|admin|node)=\S*:(\d+)", line))
        if not line.startswith("ready ") or "node" not in found:
            self.kill()
            raise RuntimeError(f"n{self.number} did not start: {line!r}\n{self.log_end()}")
        self.ports.update({kind: int(port) for kind, port in found.items()})  # by its roles

    def _first_line(self, within):
        lines = []
        reader = threading.Thread(target=lambda: lines.append(self.process.stdout.readline()),
                                  daemon=True)
        reader.start()
        reader.join(within)
        return lines[0].decode() if lines else f"nothing said for {within} s"

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """As a power cut does to the process, not to the disk."""
        if self.running():
            self.process.kill()
        if self.process is not None:
            self.process.wait()

    def stand_still(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self, within=30):
        """Politely.  Its exit code."""
        if not self.running():
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def url(self, kind, path=""):
        return f"http://127.0.0.1:{self.ports[kind]}{path}"

    def healthy(self):
        try:
            with urllib.request.urlopen(self.url("node", "/health"), timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def log_end(self, lines=15):
        with open(self.log_path, "rb") as log:
            return b"\n".join(log.read().splitlines()[-lines:]).decode(errors="replace")


def wait_until(holds, within, what):
    until = time.monotonic() + within
    while not holds():
        if time.monotonic() > until:
            raise RuntimeError(f"not within {within} s: {what}")
        time.sleep(0.02)
