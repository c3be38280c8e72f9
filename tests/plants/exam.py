"""The simulator's own exam: bugs put in on purpose, one at a time; does a checker see them?

    exam.py [--plants DIR] [--only ID,ID] [--seeds N] [--jobs J] [--json FILE] [--check]

A plant is protobuf text, one file each (tests/plants/README.md).  Its edits are made in
a copy of the tree, the simulator is built there and runs seeds until a checker speaks.
A plant of class CONTROL is a harmless change: a report on it is a false alarm.

--check only verifies that every `old` stands exactly once in its file (a CTest case, so
that plants cannot rot).  Exit: 0 all as expected, 1 a plant was missed or a control
reported, 4 the exam itself went wrong.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CLASSES = {"EASY": 50, "MEDIUM": 500, "HARD": 5000, "CONTROL": 2000}  # seeds within which it is expected
TOKEN = re.compile(r'\s*(?:#[^\n]*\n\s*)*(?:(\w+)\s*(:)?\s*|("(?:[^"\\]|\\.)*")\s*|([{}]))', re.S)


def parse(text):
    """The little of protobuf's text format that plants use: name: "text", name: WORD, name { }."""
    position = 0

    def token():
        nonlocal position
        found = TOKEN.match(text, position)
        if not found or found.end() == position:
            return None
        position = found.end()
        return found

    def string(first):
        parts = [first]
        while (ahead := TOKEN.match(text, position)) and ahead[3]:
            parts.append(token()[3])
        return "".join(json.loads(part.replace("\n", "\\n")) for part in parts)

    def message(closing):
        fields = {}
        while (t := token()) is not None:
            if t[4] == "}":
                if not closing:
                    raise ValueError("'}' without '{'")
                return fields
            if not t[1]:
                raise ValueError(f"expected a field name near {text[t.start():t.start() + 30]!r}")
            name, value = t[1], token()
            if value is None:
                raise ValueError(f"field {name} has no value")
            if value[4] == "{":
                made = message(True)
            elif value[3]:
                made = string(value[3])
            else:
                made = value[1]
            fields.setdefault(name, []).append(made)
        if closing:
            raise ValueError("'{' without '}'")
        return fields

    fields = message(False)
    if text[position:].strip() and not text[position:].lstrip().startswith("#"):
        raise ValueError(f"cannot read from {text[position:position + 30]!r}")
    return fields


def load(folder):
    plants = []
    for file in sorted(pathlib.Path(folder).glob("*.txtpb")):
        try:
            fields = parse(file.read_text())
            plant = {key: fields[key][0] for key in ("id", "class", "expect", "story", "kind") if key in fields}
            plant["edits"] = [{k: v[0] for k, v in edit.items()} for edit in fields["edit"]]
            plant["class"] = {"E": "EASY", "M": "MEDIUM", "H": "HARD"}.get(plant["class"], plant["class"])
            if plant["class"] not in CLASSES:
                raise ValueError(f"class is one of {', '.join(CLASSES)}, not {plant['class']}")
        except (KeyError, ValueError) as wrong:
            sys.exit(f"{file}: not a plant: {wrong}")
        plants.append(plant)
    return plants


def misfits(plants):
    """What keeps a plant from being planted: each old text must stand exactly once."""
    for plant in plants:
        for edit in plant["edits"]:
            path = ROOT / edit["file"]
            count = path.read_text().count(edit["old"]) if path.exists() else 0
            if count != 1:
                yield f"{plant['id']}: {edit['file']} has its old text {count} times, not once: {edit['old']!r}"


class Nursery:
    """A copy of the tree with a build of its own; one plant stands in it at a time."""

    def __init__(self, folder, jobs):
        self.tree, self.build, self.jobs = folder / "tree", folder / "build", jobs
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True,
                               text=True, check=True).stdout.splitlines()
        wanted = {name for name in names if (ROOT / name).is_file()}
        for name in wanted:
            self.place(name, (ROOT / name).read_bytes())
        for path in list(self.tree.rglob("*")):
            if path.is_file() and path.relative_to(self.tree).as_posix() not in wanted:
                path.unlink()
        if not (self.build / "build.ninja").exists():
            self.must(["cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja"])

    def place(self, name, content):
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            shutil.copymode(ROOT / name, path)

    def must(self, command):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError((done.stdout + done.stderr)[-2000:])

    def simulator(self, edits):
        texts = {}
        for edit in edits:
            text = texts.get(edit["file"]) or (ROOT / edit["file"]).read_text()
            texts[edit["file"]] = text.replace(edit["old"], edit["new"])
        for name, text in texts.items():
            self.place(name, text.encode())
        try:
            self.must(["ninja", "-C", self.build, f"-j{self.jobs}", "perdure-sim"])
            kept = self.build / "perdure-sim.planted"
            shutil.copy2(self.build / "perdure-sim", kept)
            return kept
        finally:
            for name in texts:
                self.place(name, (ROOT / name).read_bytes())


def examine(plant, binary, seeds, jobs, report):
    """Runs seeds until one fails; what failed first, and how many seeds that took."""
    limit = min(seeds, CLASSES[plant["class"]])
    report.unlink(missing_ok=True)
    started = time.monotonic()
    subprocess.run([binary, "run", "--seeds", str(limit), "--jobs", str(jobs), "--fail-fast", "--json", report],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    failures = []
    if report.exists():
        for line in report.read_text().splitlines():
            run = json.loads(line)
            if run.get("outcome") == "failed":
                failures.append(run)
    first = min(failures, key=lambda run: run["seed"], default=None)
    return {"id": plant["id"], "class": plant["class"], "expect": plant.get("expect", ""),
            "found": first is not None, "seed": first and first["seed"], "checker": first and first.get("check"),
            "seconds": round(time.monotonic() - started, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plants", default=ROOT / "tests/plants")
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json")
    parser.add_argument("--nursery", default=ROOT / "build/exam")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()

    plants = load(args.plants)
    if args.only:
        plants = [plant for plant in plants if plant["id"] in args.only.split(",")]
    wrong = list(misfits(plants))
    print("\n".join(wrong), end="\n" if wrong else "")
    if wrong or args.check:
        print(f"{len(plants)} plants, {len(wrong)} do not fit")
        return 4 if wrong else 0

    folder = pathlib.Path(args.nursery)
    nursery = Nursery(folder, args.jobs)
    results = []
    for plant in plants:
        result = examine(plant, nursery.simulator(plant["edits"]), args.seeds, args.jobs, folder / "report.jsonl")
        result["as_expected"] = result["found"] != (plant["class"] == "CONTROL")
        results.append(result)
        verdict = f"found by {result['checker']} at seed {result['seed']}" if result["found"] else "not reported"
        print(f"{'ok  ' if result['as_expected'] else 'MISS'} {plant['id']:8} {plant['class']:8} {verdict:50}"
              f" {result['seconds']:6.1f} s", flush=True)
    if args.json:
        pathlib.Path(args.json).write_text("".join(json.dumps(result) + "\n" for result in results))
    good = sum(result["as_expected"] for result in results)
    print(f"{good} passed, {len(results) - good} failed")
    return 0 if good == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
