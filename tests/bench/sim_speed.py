"""How fast the simulator is: events a second, simulated seconds a second, per kind of cluster.

    sim_speed.py BINARY [--seeds N]

Beside the target stands a floor, 40 % of it: below that a night finds too little, and the
exit code is 1.  Wants a machine that does nothing else; one process, no twins.
"""
import argparse
import json
import subprocess
import sys
import tempfile

# What of a cluster is simulated -> scenario, simulated seconds a second: target, floor.
KINDS = [
    ("Raft group, 3 nodes", "raft_cluster", 1000, 400),
    ("log, 3 servers", "log_cluster", 240, 100),
    ("whole server, 1 node", "single_node", 150, 60),
    ("whole cluster, 3 nodes", "cluster", 150, 60),
    ("journal self-test, streams", "journal", None, None),
]


def measure(binary, scenario, seeds):
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as results:
        done = subprocess.run([binary, "run", "--scenario", scenario, "--seeds", str(seeds), "--jobs", "1",
                               "--twins-one-in", "0", "--json", results.name], capture_output=True, text=True)
        if done.returncode == 64:  # no such scenario in this build
            return None
        lines = [json.loads(line) for line in open(results.name)]
    wall = sum(line["wall_us"] for line in lines) / 1e6
    return {"events": sum(line["events"] for line in lines), "wall": wall,
            "simulated": sum(line["sim_ms"] for line in lines) / 1e3, "seeds": len(lines)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--seeds", type=int, default=30)
    options = arguments.parse_args()
    print(f"{'what is simulated':28} {'seeds':>5} {'events/s':>10} {'sim-s/s':>8} {'target':>7} {'floor':>6}")
    below = 0
    for name, scenario, target, floor in KINDS:
        got = measure(options.binary, scenario, options.seeds)
        if got is None or got["wall"] == 0:
            continue
        rate = got["simulated"] / got["wall"]
        slow = floor is not None and rate < floor
        below += slow
        print(f"{name:28} {got['seeds']:5} {got['events'] / got['wall']:10,.0f} {rate:8.0f} "
              f"{target or '':>7} {floor or '':>6}{'  BELOW THE FLOOR' if slow else ''}")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
