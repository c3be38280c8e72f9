"""Three servers that know nothing of each other, each under load and misfortune.

    separate_nodes.py BINARY [--nodes N] [--seconds S] [--seed X] [--folder F]

Clients add to counters through a proxy; meanwhile processes are killed (-9), stand still
and start again, connections are cut, delayed and reset.  Every increment that was
acknowledged must be there in the end, once.  The histories stay in the folder when
something is wrong.  Last line: "N passed, N failed".
"""
import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time

from history import History, judge
from load import Client, read_all, register
from processes import Node, wait_until
from proxy import Proxy
from service import Service

def nemesis(node, proxy, chance, stop, told):
    while not stop.wait(chance.uniform(0.3, 1.5)):
        act = chance.choice(["kill", "kill", "stand still", "cut", "cut one way", "delay", "reset"])
        told[act] = told.get(act, 0) + 1
        if act == "kill":
            node.kill()
            stop.wait(chance.uniform(0, 0.5))
            node.start()
        elif act == "stand still":
            node.stand_still()
            stop.wait(chance.uniform(0.1, 1.5))
            node.go_on()
        elif act == "cut":
            proxy.cut()
            stop.wait(chance.uniform(0.1, 1.0))
            proxy.heal()
        elif act == "cut one way":
            proxy.cut(there=chance.random() < 0.5, back=False)
            stop.wait(chance.uniform(0.1, 1.0))
            proxy.heal()
        elif act == "delay":
            proxy.delay(chance.uniform(0.001, 0.1))
            stop.wait(chance.uniform(0.1, 1.0))
            proxy.heal()
        else:
            proxy.reset()


class House:
    """One server with its proxy, its clients and its misfortune."""

    def __init__(self, binary, folder, number, service, seed):
        self.node = Node(binary, folder, number)
        self.node.start()
        register(self.node, service.url)
        self.proxy = Proxy("127.0.0.1", self.node.ports["ingress"])
        self.history = History(os.path.join(folder, f"n{number}.history.jsonl"))
        self.stop, self.calm = threading.Event(), threading.Event()
        self.acts, self.trouble = {}, None
        self.clients = [Client(self.history, [self.proxy.port], f"{seed}.{number}.{i}", self.stop)
                        for i in range(4)]
        self.nemesis = threading.Thread(
            target=self._trouble, args=(random.Random(f"{seed}.{number}"),), daemon=True)

    def _trouble(self, chance):
        try:
            nemesis(self.node, self.proxy, chance, self.calm, self.acts)
        except Exception as why:  # a restart that failed is a finding of its own
            self.trouble = why

    def begin(self):
        for thread in [*self.clients, self.nemesis]:
            thread.start()

    def end(self):
        """What is wrong."""
        self.calm.set()
        self.nemesis.join(90)
        self.stop.set()
        self.proxy.heal()
        for client in self.clients:
            client.join(30)
        if self.trouble:
            return [str(self.trouble)]
        wait_until(self.node.healthy, 30, f"health of n{self.node.number}")
        read_all(self.history, self.node)
        wrong = judge(self.history.events)
        if self.node.stop() != 0:
            wrong.append(f"it did not stop in order\n{self.node.log_end()}")
        return wrong

    def close(self):
        self.node.kill()
        self.proxy.close()
        self.history.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--folder")
    told = parser.parse_args()
    folder = told.folder or tempfile.mkdtemp(prefix="perdure-cluster-")
    os.makedirs(folder, exist_ok=True)
    print(f"seed {told.seed}, folder {folder}", flush=True)
    service, houses, failed = Service(), [], 0
    try:
        for number in range(1, told.nodes + 1):
            houses.append(House(told.binary, folder, number, service, told.seed))
        for house in houses:
            house.begin()
        time.sleep(told.seconds)
        for house in houses:
            wrong = house.end()
            acknowledged = sum(client.acknowledged for client in house.clients)
            if acknowledged == 0:
                wrong.append("nothing was ever acknowledged")
            failed += 1 if wrong else 0
            acts = ", ".join(f"{n} {act}" for act, n in sorted(house.acts.items()))
            print(f"n{house.node.number}: {acknowledged} acknowledged, {house.node.starts} starts; {acts}",
                  *(f"  WRONG {sentence}" for sentence in wrong), sep="\n", flush=True)
    finally:
        for house in houses:
            house.close()
        service.close()
    if not failed and not told.folder:
        shutil.rmtree(folder)
    elif failed:
        print(f"histories and logs: {folder}; again: --seed {told.seed}")
    print(f"{len(houses) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
