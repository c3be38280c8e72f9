"""Runs a script of claims: sentences, each with whether it holds, against a server's binary."""
import shutil
import sys
import tempfile


def run(claims):
    """`claims(binary, folder)` yields (sentence, holds). Prints what does not hold; the exit code."""
    folder = tempfile.mkdtemp(prefix="perdure-claims-")
    passed = failed = 0
    try:
        for sentence, holds in claims(sys.argv[1], folder):
            passed, failed = passed + bool(holds), failed + (not holds)
            if not holds:
                print(f"NOT SO: {sentence}", flush=True)
    finally:
        shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
