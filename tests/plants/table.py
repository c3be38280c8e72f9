"""The table of docs/exam: table.py results.json ...

Results of several exams as one table: of a plant that was examined twice the later file counts.
"""
import json
import sys


def seeds_needed(plant):
    ranges = plant["ranges"]
    if all(found["seed"] is None for found in ranges):
        return f"none in {sum(found['seeds'] for found in ranges)}"
    return ", ".join("none" if found["seed"] is None else str(found["seeds"]) for found in ranges)


def met(plant):
    if not plant["reached"]:
        return "-" if plant["verdict"] == "found" else "never"
    return "yes" if plant["mattered"] is None or plant["mattered"] > 0 else "all equal"


def scenario_of(plant):
    named = {found.get("scenario") for found in plant["ranges"] if found.get("scenario")}
    return ", ".join(sorted(named - {"single_node"}))


def main():
    plants = {}
    for path in sys.argv[1:]:
        for plant in json.load(open(path))["plants"]:
            plants[plant["id"]] = plant
    print("| plant | class | | seeds needed | by, or what is missing | reached | scenario |\n|---|---|---|---|---|---|---|")
    for name in sorted(plants):
        plant = plants[name]
        good = plant["verdict"] in ("found", "clean")
        verdict = plant["verdict"] if good else f"**{plant['verdict']}**"
        by = plant["check"] or plant["gap"] or plant["why"]
        print(f"| {name} | {plant['class']} | {verdict} | {seeds_needed(plant)} | {by} | {met(plant)} | {scenario_of(plant)} |")
    good = sum(plant["verdict"] in ("found", "clean") for plant in plants.values())
    print(f"\n{len(plants)} plants: {good} as expected, {len(plants) - good} not.")


if __name__ == "__main__":
    main()
