"""C++ handlers against a real server process.

    e2e.py PERDURE HANDLERS

Both are programs; each case is a function below, and runs with handlers that stream both
ways and with ones that answer request by request.
"""
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request


class World:
    """A server and an endpoint, on ports that were free."""

    def __init__(self, perdure, handlers, mode, folder):
        self.handlers, self.mode, self.folder = handlers, mode, folder
        self.marks_file = folder / "marks"
        self.marks_file.touch()
        self.server, ready = start(
            [perdure, "serve", "--data-dir", folder / "data", "--ingress", "127.0.0.1:0",
             "--admin", "127.0.0.1:0", "--node", "127.0.0.1:0"], folder / "server.log")
        parts = dict(part.split("=") for part in ready.split()[1:])
        self.ingress, self.admin = parts["ingress"], parts["admin"]
        self.endpoint, ready = self.start_endpoint("127.0.0.1:0")
        self.address = ready.split()[1]
        status, body = ask("POST", f"http://{self.admin}/deployments", {"uri": f"http://{self.address}"})
        assert status in (200, 201), body

    def start_endpoint(self, address):
        return start([self.handlers, address, self.marks_file] + self.mode, self.folder / "handlers.log")

    def restart_endpoint(self):
        self.endpoint.kill()
        self.endpoint.wait()
        self.endpoint, _ = self.start_endpoint(self.address)

    def call(self, path, body=None, headers=None):
        return ask("POST", f"http://{self.ingress}/{path}", body, headers)

    def marks(self, tag):
        return sorted(line for line in self.marks_file.read_text().splitlines() if tag in line)

    def stop(self):
        codes = []
        for process in (self.endpoint, self.server):
            process.send_signal(signal.SIGTERM)
            try:
                codes.append(process.wait(timeout=20))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append("did not stop")
        return codes


def start(command, log):
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                               stderr=open(log, "a"), text=True)
    ready = process.stdout.readline()
    assert ready.startswith("ready"), f"{command[0]} did not start: see {log}: {pathlib.Path(log).read_text()}"
    return process, ready


def ask(method, url, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None:
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text, status = answer.read().decode(), answer.status
    except urllib.error.HTTPError as error:
        text, status = error.read().decode(), error.code
    return status, json.loads(text) if text else None


def expect(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def eventually(what, wanted):
    deadline = time.time() + 30
    while time.time() < deadline:
        if what() == wanted:
            return
        time.sleep(0.05)
    expect(what(), wanted)


# --- cases ---

def answers(w):
    expect(w.call("Greeter/greet", "Ada"), (200, "Hello Ada!"))
    expect(w.call("Greeter/header", "x-who", {"x-who": "me"}), (200, "me"))
    expect(w.call("Greeter/greet", 5)[0], 400)
    expect(w.call("Greeter/teapot"), (418, {"code": 418, "message": "I am a teapot", "source": "invocation"}))


def steps_run_once(w):
    expect(w.call("Greeter/steps", "a"), (200, 3))
    expect(w.marks("a one") + w.marks("a two"), ["a one", "a two"])


def survives_the_death_of_its_process(w):
    answer = []
    waiting = threading.Thread(target=lambda: answer.append(w.call("Greeter/slow_steps", "b")))
    waiting.start()
    eventually(lambda: w.marks("b before"), ["b before"])
    w.restart_endpoint()
    waiting.join()
    expect(answer, [(200, "done")])
    expect(w.marks("b "), ["b after", "b before"])


def failed_attempts_are_repeated(w):
    expect(w.call("Greeter/flaky"), (200, "at last"))
    expect(w.call("Greeter/gives_up"), (200, "run 'pay': refused"))
    expect(len(w.call("Greeter/draws")[1]), 36)


def blocking_closures_hold_up_nobody(w):
    slow = threading.Thread(target=lambda: w.call("Greeter/blocks", 2000))
    began = time.time()
    slow.start()
    time.sleep(0.2)
    expect(w.call("Greeter/greet", "Bob"), (200, "Hello Bob!"))
    assert time.time() - began < 1.5, "it waited for the other"
    slow.join()


def calls_and_sends_arrive(w):
    expect(w.call("Caller/add", "c"), (200, 5))
    status, later = w.call("Caller/send", "c")
    assert status == 200 and later.startswith("inv_1"), later
    eventually(lambda: w.call("Counter/c/get"), (200, 13))
    expect(w.call("Caller/fails_below"), (200, "418 I am a teapot"))
    expect(w.call("Caller/twice", "d"), (200, 6))
    expect(w.marks("d one"), ["d one"])


def futures_combine(w):
    expect(w.call("Caller/combine"), (200, "fast Hello a!Hello b!Hello c!"))
    expect(w.call("Caller/times_out"), (200, "timed out"))


def awakeables_wake(w):
    answer = []
    waiting = threading.Thread(target=lambda: answer.append(w.call("Caller/awaits", "e")))
    waiting.start()
    eventually(lambda: w.call("Counter/e/keys"), (200, ["held"]))
    expect(w.call("Counter/e/resolve_held", "hi")[0], 200)
    waiting.join()
    expect(answer, [(200, "hi")])


def cancels_reach_those_who_were_called(w):
    _, sent = w.call("Caller/waits_long/send", "f")
    time.sleep(0.3)
    expect(ask("PATCH", f"http://{w.admin}/invocations/{sent['invocationId']}/cancel")[0], 202)
    eventually(lambda: w.marks("f "), ["f callee cleaned", "f cleaned"])


def objects_take_turns(w):
    threads = [threading.Thread(target=lambda item=i: w.call("Counter/g/slow_append", item)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(sorted(w.call("Counter/g/list")[1]), list(range(20)))
    expect(w.call("Counter/g/reset")[0], 200)
    expect(w.call("Counter/g/keys"), (200, []))


def workflows_wait_for_promises(w):
    key = f"u{time.time_ns()}"
    _, sent = w.call(f"Signup/{key}/run/send", key)
    eventually(lambda: w.marks(f"mail {key}"), [f"mail {key}"])
    expect(w.call(f"Signup/{key}/peek"), (200, "nothing"))
    expect(w.call(f"Signup/{key}/click", "yes")[0], 200)
    expect(w.call(f"Signup/{key}/click", "again")[0], 409)
    expect(w.call("Caller/attaches", sent["invocationId"]), (200, f"{key} clicked yes"))


CASES = [answers, steps_run_once, survives_the_death_of_its_process, failed_attempts_are_repeated,
         blocking_closures_hold_up_nobody, calls_and_sends_arrive, futures_combine, awakeables_wake,
         cancels_reach_those_who_were_called, objects_take_turns, workflows_wait_for_promises]


def run(perdure, handlers, name, mode):
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        world = World(perdure, handlers, mode, pathlib.Path(folder))
        try:
            for case in CASES:
                try:
                    case(world)
                    passed += 1
                except Exception as wrong:  # told, and the next case runs
                    failed += 1
                    print(f"{name}: {case.__name__}: {type(wrong).__name__}: {wrong}")
        finally:
            codes = world.stop()
        if codes != [0, 0]:
            failed += 1
            print(f"{name}: handlers and server ended with {codes}")
        if failed:
            for log in ("handlers.log", "server.log"):
                print((pathlib.Path(folder) / log).read_text()[-3000:])
    return passed, failed


def main():
    perdure, handlers = sys.argv[1:]
    passed, failed = 0, 0
    for name, mode in (("streams", []), ("requests", ["request-response"])):
        p, f = run(perdure, handlers, name, mode)
        passed, failed = passed + p, failed + f
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
