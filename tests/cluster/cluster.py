"""A cluster of real processes, under load and misfortune.

    cluster.py BINARY [--nodes 3|5] [--seconds S] [--seed X] [--folder F] [--only ACT,ACT]

Clients add to counters through every node's ingress and go to the next one when one does
not answer.  Meanwhile nodes are killed (-9), stand still, are stopped in order, lose their
disks and join anew, and connections between them are blocked (both ways and one way),
delayed and reset; sometimes two things at once, sometimes everybody dies.  After each
misfortune the cluster must become whole again, and in the end every increment that was
acknowledged must be there, once.  An ACT is a method of Nemesis.  What was done is in nemesis.log beside the histories.
Last line: "N passed, N failed".
"""
import json
import os
import random
import shutil
import sys
import threading
import time
import urllib.request

import trial
from history import History, judge
from load import Client, read_all, register
from network import Network
from processes import Node, wait_until

COPIES = 2
WHOLE_WITHIN = 40  # seconds, after a misfortune


class Cluster:
    """So many nodes, each of which the others reach through the harness.  Some have two
    shards; of five some are no members of the metadata group."""

    def __init__(self, binary, folder, size, chance):
        self.nodes = []
        self.voters = size if chance.random() < 0.5 else min(size, 3)
        self.network = Network(self._pids)
        doors = []
        for number in range(1, size + 1):
            node = Node(binary, folder, number)
            node.fix_ports()
            node.shards = chance.choice([1, 2])
            if number > self.voters:
                node.arguments += ["--roles", "log,worker,ingress,admin"]
            doors.append(f"127.0.0.1:{self.network.door(f'n{number}', node.ports['node'])}")
            node.arguments += ["--advertised-node", doors[-1], "--checkpoint-every", "2s",
                               "--drain", "8s"]
            if number == 1:
                node.arguments += ["--replication", str(COPIES)]
            self.nodes.append(node)
        # Any of the others lets a node in; only n1 makes a cluster, and only once.
        for node in self.nodes[1:]:
            node.arguments += ["--join", ",".join(doors)]
        self.doors = doors

    def _pids(self):
        return {f"n{node.number}": node.process.pid if node.running() else None
                for node in self.nodes}

    def start(self):
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_ready()
        # From now on n1 too joins, should it lose its disk.
        self.nodes[0].arguments += ["--join", ",".join(self.doors[1:])]

    def status(self, node):
        with urllib.request.urlopen(node.url("node", "/cluster/status"), timeout=5) as answer:
            return json.load(answer)

    def fault(self, caught_up=False):
        """What is missing to a whole cluster, as each node sees it; None when nothing is."""
        for node in self.nodes:
            if not node.running():
                return f"n{node.number} does not run"
            try:
                status = self.status(node)
            except (OSError, ValueError) as why:
                return f"n{node.number} does not tell: {why}"
            fault = fault_of(status, {f"n{each.number}" for each in self.nodes}, self.voters,
                             caught_up)
            if fault:
                return f"n{node.number}: {fault}"
        return None

    def wait_whole(self, within=WHOLE_WITHIN, caught_up=False):
        found = [None]

        def is_whole():
            found[0] = self.fault(caught_up)
            if found[0]:
                time.sleep(0.2)
            return found[0] is None

        try:
            wait_until(is_whole, within, "whole")
        except RuntimeError:
            raise RuntimeError(f"not whole within {within} s: {found[0]}") from None

    def holds_of(self, lost):
        """Whether some log still counts on one of those nodes' disks."""
        with urllib.request.urlopen(self.nodes[0].url("node", "/cluster/logs"), timeout=5) as answer:
            logs = json.load(answer)["logs"]
        return any(node in lost for log in logs for loglet in log["loglets"]
                   for node in loglet["nodeset"])

    def close(self):
        for node in self.nodes:
            node.kill()
        self.network.close()


def fault_of(status, names, voters, caught_up):
    health = {node["name"]: node["health"] for node in status["nodes"]}
    if set(health) != names:
        return f"it knows {sorted(health)}"
    away = [name for name, each in health.items() if each != "alive"]
    if away:
        return f"it takes {away} for away"
    if len(status["metadata"].get("voters", range(voters))) != voters:  # others do not tell
        return f"the metadata group is {status['metadata'].get('voters')}"
    partitions = {}
    for replica in status["partitions"]:
        partitions.setdefault(replica["id"], []).append(replica)
    if len(partitions) != 4:
        return f"partitions {sorted(partitions)}"
    for number, replicas in sorted(partitions.items()):
        modes = sorted(replica["mode"] for replica in replicas)
        if modes != ["follower"] * (COPIES - 1) + ["leader"]:
            return f"partition {number}: {modes}"
        if caught_up and len({replica["applied"] for replica in replicas}) > 1:
            return f"partition {number} is applied up to {[r['applied'] for r in replicas]}"
    return None


class Nemesis:
    """One misfortune after the other, sometimes two; each is ended before the next."""

    def __init__(self, cluster, clients, chance, log, only):
        self.cluster, self.clients, self.chance = cluster, clients, chance
        self.single = [self.kill, self.kill, self.stand_still, self.isolate, self.isolate_one_way,
                       self.block_a_pair, self.delay, self.reset]
        self.whole = [self.stop_in_order, self.stop_in_order, self.lose_a_disk, self.kill_many]
        if only:
            self.single, self.whole = ([act for act in acts if act.__name__ in only]
                                       for acts in (self.single, self.whole))
        self.log, self.begun = log, time.monotonic()
        self.acts = {}
        self.lost = []  # ids of nodes whose disks are gone
        self.wrong = []

    def say(self, words):
        print(f"{time.monotonic() - self.begun:8.3f} {time.strftime('%H:%M:%S', time.gmtime())} "
              f"{words}", file=self.log, flush=True)

    def run(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.pause(0.2, 1.0)
            self.misfortune()
            if self.chance.random() < 0.6:
                self.wait_whole("after it")

    def pause(self, least, most):
        time.sleep(self.chance.uniform(least, most))

    def wait_whole(self, words, **how):
        begun = time.monotonic()
        self.cluster.wait_whole(**how)
        self.say(f"whole {words}, in {time.monotonic() - begun:.1f} s")

    def misfortune(self):
        draw = self.chance.random()
        if not self.single or (self.whole and draw < 0.3):
            self.count(self.chance.choice(self.whole))()
            return
        acts = self.chance.sample(self.single, min(len(self.single), 2 if draw > 0.8 else 1))
        ends = [self.count(act)(self.victim()) for act in acts]
        self.pause(0.1, 4.0)
        for end in sorted(ends, key=lambda end: end == self.revive):  # who starts may need the rest
            end()
        self.say("over")

    def count(self, act):
        self.acts[act.__name__] = self.acts.get(act.__name__, 0) + 1
        return act

    def victim(self):
        return self.chance.choice(self.cluster.nodes)

    # --- each hits a node, and returns what ends it ---

    def kill(self, node):
        self.say(f"kill n{node.number}")
        node.kill()
        return self.revive

    def revive(self):
        self.start_again(self.cluster.nodes)

    def start_again(self, nodes):
        nodes = [node for node in nodes if not node.running()]
        for node in nodes:
            self.say(f"start n{node.number}")
            node.launch()
        for node in nodes:
            node.wait_ready(WHOLE_WITHIN)

    def stand_still(self, node):
        if not node.running():
            return lambda: None
        self.say(f"n{node.number} stands still")
        node.stand_still()
        return node.go_on

    def isolate(self, node):
        self.say(f"n{node.number} is alone")
        self.cluster.network.isolate(f"n{node.number}")
        return self.cluster.network.heal

    def isolate_one_way(self, node):
        outward = self.chance.random() < 0.5
        self.say(f"n{node.number} is not {'heard' if outward else 'spoken to'}")
        self.cluster.network.isolate(f"n{node.number}", outward=outward, inward=not outward)
        return self.cluster.network.heal

    def block_a_pair(self, node):
        other = self.chance.choice([each for each in self.cluster.nodes if each is not node])
        both = self.chance.random() < 0.5
        self.say(f"n{node.number} -> n{other.number} is blocked{', and back' if both else ''}")
        self.cluster.network.block(f"n{node.number}", f"n{other.number}")
        if both:
            self.cluster.network.block(f"n{other.number}", f"n{node.number}")
        return self.cluster.network.heal

    def delay(self, _):
        seconds = self.chance.uniform(0.001, 0.1)
        self.say(f"all is {seconds:.3f} s late")
        self.cluster.network.delay(seconds)
        return self.cluster.network.heal

    def reset(self, node):
        self.say(f"connections of n{node.number} are reset")
        self.cluster.network.reset(f"n{node.number}")
        return lambda: None

    # --- each needs a whole cluster first, or hits all of it ---

    def kill_many(self):
        nodes = self.chance.sample(self.cluster.nodes, self.chance.randint(2, len(self.cluster.nodes)))
        self.say(f"kill {', '.join(f'n{node.number}' for node in nodes)}")
        for node in nodes:
            node.kill()
        self.pause(0.0, 2.0)
        self.chance.shuffle(nodes)
        self.start_again(nodes)

    def stop_in_order(self):
        """No request that another node was asked fails meanwhile, and none gets a refusal."""
        self.wait_whole("before a stop")
        node = self.victim()
        self.say(f"stop n{node.number}")
        begun = time.monotonic()
        code = node.stop()
        ended = time.monotonic()
        self.say(f"stopped, {code}, in {ended - begun:.1f} s")
        if code != 0:
            self.wrong.append(f"n{node.number} did not stop in order, {code}\n{node.log_end()}")
        self.pause(0.5, 2.0)
        for client in self.clients:
            for asked, port, what in client.troubles:
                closed = port == node.ports["ingress"] and what.startswith("no ")
                if begun - 2 < asked < time.monotonic() - 0.5 and asked > begun and not closed:
                    self.wrong.append(f"while n{node.number} stopped, port {port} failed a request "
                                      f"{asked - self.begun:.3f}: {what}")
        self.start_again([node])

    def lose_a_disk(self):
        """With two copies one disk may go, and the next only when all is on two again."""
        self.wait_whole("before a disk is lost", caught_up=False)
        if self.lost and self.cluster.holds_of(self.lost):
            self.say("a log still counts on a disk that was lost: none is lost now")
            return
        node = self.victim()
        number = {each["name"]: each["id"] for each in self.cluster.status(node)["nodes"]}
        self.lost.append(number[f"n{node.number}"])
        self.say(f"n{node.number} (N{self.lost[-1]}) loses its disk")
        node.kill()
        shutil.rmtree(node.folder)
        self.pause(0.0, 2.0)
        self.start_again([node])
        self.wait_whole("with a new disk", within=60)


def end_of(cluster, clients, history, stop):
    """What is wrong, when there is no misfortune any more."""
    cluster.network.heal()
    cluster.wait_whole()
    stop.set()
    for client in clients:
        client.join(30)
    cluster.wait_whole(caught_up=True)
    for node in cluster.nodes:
        read_all(history, node)
    wrong = judge(history.events)
    threads = [threading.Thread(target=node.stop) for node in cluster.nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong + [f"n{node.number} did not stop in order: {node.process.returncode}"
                    for node in cluster.nodes if node.process.returncode != 0]


def run(told, folder, service):
    history = History(os.path.join(folder, "history.jsonl"))
    log = open(os.path.join(folder, "nemesis.log"), "w")
    cluster = Cluster(told.binary, folder, told.nodes, random.Random(f"{told.seed}.cluster"))
    stop = threading.Event()
    nemesis, clients, wrong = None, [], []
    try:
        cluster.start()
        cluster.wait_whole()
        register(cluster.nodes[0], service.url)
        ports = [node.ports["ingress"] for node in cluster.nodes]
        clients = [Client(history, ports, f"{told.seed}.{i}", stop) for i in range(2 * told.nodes)]
        for client in clients:
            client.start()
        nemesis = Nemesis(cluster, clients, random.Random(told.seed), log,
                          told.only.split(",") if told.only else None)
        nemesis.run(told.seconds)
        wrong += end_of(cluster, clients, history, stop)
    except (RuntimeError, OSError) as why:  # what did not become whole is a finding of its own
        wrong.append(str(why))
        if nemesis:
            nemesis.say(f"WRONG {why}")
    finally:
        stop.set()
        cluster.close()
        history.close()
    if nemesis:
        wrong = nemesis.wrong + wrong
    acknowledged = sum(client.acknowledged for client in clients)
    if acknowledged == 0:
        wrong.append("nothing was ever acknowledged")
    acts = ", ".join(f"{n} {act}" for act, n in sorted((nemesis.acts if nemesis else {}).items()))
    slowest = max((took for client in clients for _, _, took in client.answers), default=0)
    print(f"{acknowledged} acknowledged, the slowest in {slowest:.1f} s, "
          f"{sum(node.starts for node in cluster.nodes)} starts; {acts}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(trial.main("cluster.py", __doc__, {"nodes": 3, "seconds": 25.0, "only": None}, run))
