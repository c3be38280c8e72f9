"""What clients did and heard, and whether that can have happened.

Each line of a history file is one event, for any linearizability checker:

    {"process": 3, "type": "invoke|ok|fail|info", "f": "add|get", "key": "k1", "value": 1, "time": 12345}

`info`: nobody knows whether it happened.  A process that heard `info` never comes again.

The judge below knows counters only, for which linearizability is simple: every add that
was acknowledged says which one it was, so the order is known and only has to be possible.
"""
import json
import threading
import time


class History:
    def __init__(self, path):
        self.events = []
        self._lock = threading.Lock()
        self._file = open(path, "w")
        self._process = 0

    def new_process(self):
        with self._lock:
            self._process += 1
            return self._process

    def say(self, process, kind, f, key, value):
        with self._lock:
            event = {"process": process, "type": kind, "f": f, "key": key, "value": value,
                     "time": time.monotonic_ns()}
            self.events.append(event)
            self._file.write(json.dumps(event) + "\n")

    def close(self):
        with self._lock:
            self._file.close()


def operations(events):
    """[(key, f, began, ended or None, value or None, outcome)]"""
    begun, done = {}, []
    for event in events:
        if event["type"] == "invoke":
            begun[event["process"]] = event
            continue
        first = begun.pop(event["process"])
        ended = event["time"] if event["type"] == "ok" else None
        done.append((event["key"], event["f"], first["time"], ended, event["value"], event["type"]))
    for first in begun.values():
        done.append((first["key"], first["f"], first["time"], None, None, "info"))
    return done


def judge(events):
    """What is wrong, in sentences; empty when all is well."""
    wrong = []
    by_key = {}
    for operation in operations(events):
        by_key.setdefault(operation[0], []).append(operation)
    for key, all_of_key in sorted(by_key.items()):
        wrong += judge_counter(key, all_of_key)
    return wrong


def judge_counter(key, all_of_key):
    adds = sorted((o for o in all_of_key if o[1] == "add" and o[5] == "ok"), key=lambda o: o[4])
    unknown = sorted(o[2] for o in all_of_key if o[1] == "add" and o[5] == "info")
    gets = [o for o in all_of_key if o[1] == "get" and o[5] == "ok"]
    wrong = []
    values = [o[4] for o in adds]
    for one, two in zip(values, values[1:]):
        if one == two:
            wrong.append(f"{key}: two increments were both answered {one}")
    top = max(values + [o[4] for o in gets], default=0)
    holes = top - len(set(values))
    if holes > len(unknown):
        wrong.append(f"{key}: the count is {top}, but only {len(set(values))} increments were "
                     f"acknowledged and {len(unknown)} are in doubt")
    # Real time: what had ended before another began comes before it.
    points = sorted(adds + gets, key=lambda o: (o[4], o[1] == "get"))
    latest_begin = 0
    for key_, f, began, ended, value, _ in points:
        if ended < latest_begin:
            wrong.append(f"{key}: {f} saw {value} after it had been passed")
        if f == "add":
            latest_begin = max(latest_begin, began)
    # A get that began after an acknowledged add sees at least that one.
    for _, _, began, _, value, _ in gets:
        missed = [o[4] for o in adds if o[3] < began and o[4] > value]
        if missed:
            wrong.append(f"{key}: a read saw {value} although increment {max(missed)} "
                         f"had been acknowledged")
    return wrong
