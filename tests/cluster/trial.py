"""One trial of real processes under misfortune: its options, its folder, its verdict."""
import argparse
import os
import shutil
import tempfile
import time

from service import Service


def main(script, description, options, run):
    """`options` has defaults by name; `run(told, folder, service)` returns sentences of what went
    wrong. Prints how to do it again when there are any; the exit code."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("binary")
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=str if default is None else type(default),
                            default=default)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--folder")
    told = parser.parse_args()
    folder = told.folder or tempfile.mkdtemp(prefix=f"perdure-{script.removesuffix('.py')}-")
    os.makedirs(folder, exist_ok=True)
    print(f"seed {told.seed}, folder {folder}", flush=True)
    service = Service()
    wrong = run(told, folder, service)
    service.close()
    for sentence in wrong[:20]:
        print(f"  WRONG {sentence}")
    if wrong:
        said = [f"--{name} {getattr(told, name)}" for name in [*options, "seed"]
                if getattr(told, name) is not None]
        print(f"what is left of it: {folder}; again: {script} {told.binary} {' '.join(said)}")
    elif not told.folder:
        shutil.rmtree(folder)
    print(f"{0 if wrong else 1} passed, {1 if wrong else 0} failed")
    return 1 if wrong else 0
