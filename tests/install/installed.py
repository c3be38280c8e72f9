"""A project outside of the tree: installs Perdure, builds examples/own_simulation against
it, runs its simulation and its handlers.

    installed.py CMAKE SOURCE_DIR BUILD_DIR [CXX_LAUNCHER]
"""
import pathlib
import shutil
import signal
import subprocess
import sys
import urllib.request


def run(*command, exit_code=0):
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == exit_code, f"{' '.join(words)}: exit {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def the_simulation_runs(build):
    said = run(build / "bank_simulation", "run", "--seeds", 20)
    assert said.strip().endswith("20 passed, 0 failed"), said
    found = run(build / "bank_simulation", "run", "--scenario", "careless", "--seeds", 5, exit_code=1)
    assert "money-is-kept" in found, found


def the_handlers_are_served(build):
    process = subprocess.Popen([build / "bank", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[1]
        with urllib.request.urlopen(f"http://{address}/discover", timeout=20) as answer:
            manifest = answer.read().decode()
        assert '"name":"Account","ty":"VIRTUAL_OBJECT"' in manifest, manifest
    finally:
        process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=20)
    assert code == 0, f"bank ended with {code}"


def main():
    cmake, source, build_dir = sys.argv[1:4]
    launcher = sys.argv[4:]
    scratch = pathlib.Path(build_dir) / "installed"  # always the same, so that ccache knows it
    shutil.rmtree(scratch, ignore_errors=True)
    prefix, project, build = scratch / "prefix", scratch / "project", scratch / "build"
    run(cmake, "--install", build_dir, "--prefix", prefix, "--component", "development")
    shutil.copytree(pathlib.Path(source) / "examples" / "own_simulation", project)
    run(cmake, "-S", project, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
        "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_CXX_FLAGS=-Wall -Wno-missing-field-initializers -Werror",
        *[f"-DCMAKE_CXX_COMPILER_LAUNCHER={word}" for word in launcher])
    run(cmake, "--build", build, "-j", 2)
    cases = [the_simulation_runs, the_handlers_are_served]
    for case in cases:
        case(build)
    print(f"{len(cases)} passed, 0 failed")


if __name__ == "__main__":
    main()
