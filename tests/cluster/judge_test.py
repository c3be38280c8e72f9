"""The judge of histories must see what it is there for."""
import sys

from history import judge


def history(*lines):
    events = []
    for time, (process, kind, f, value) in enumerate(lines):
        events.append({"process": process, "type": kind, "f": f, "key": "k", "value": value,
                       "time": time})
    return events


def add(process, value, kind="ok"):
    return [(process, "invoke", "add", None), (process, kind, "add", value)]


def get(process, value):
    return [(process, "invoke", "get", None), (process, "ok", "get", value)]


CASES = {
    "in order": (history(*add(1, 1), *add(1, 2), *get(2, 2)), 0),
    "at once, the later first": (history((1, "invoke", "add", None), (2, "invoke", "add", None),
                                         (2, "ok", "add", 2), (1, "ok", "add", 1), *get(3, 2)), 0),
    "in doubt and happened": (history(*add(1, None, "info"), *add(2, 2), *get(3, 2)), 0),
    "in doubt and did not": (history(*add(1, None, "info"), *add(2, 1), *get(3, 1)), 0),
    "one twice": (history(*add(1, 1), *add(2, 1), *get(3, 1)), 1),
    "acknowledged and lost": (history(*add(1, 1), *get(2, 0)), 1),
    "counted twice": (history(*add(1, 1), *get(2, 2)), 1),
    "refused and happened": (history(*add(1, None, "fail"), *get(2, 1)), 1),
    "back in time": (history(*add(1, 2), *add(2, 1), *get(3, 2)), 1),
}

failed = 0
for name, (events, expected) in CASES.items():
    found = judge(events)
    if (len(found) > 0) != (expected > 0):
        failed += 1
        print(f"{name}: {found}")
print(f"{len(CASES) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
