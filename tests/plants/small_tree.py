"""The exam, held on a tree of a few lines: small_tree.py PERDURE_SIM

Makes a tree with a simulator of its own, which passes and fails as its tiny engine says,
and plants of every shape into it: an expression, two on one line, one in a header, one
that declares, two that overlap, one that cannot be a graft, one that does not compile, one
that is not in the simulator, a harmless one, and files that are no plants.  What the exam
says of each is known.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

TREE = {
    "CMakeLists.txt": """cmake_minimum_required(VERSION 3.25)
project(perdure LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 23)
add_compile_options(-Wall -Werror -iquote ${CMAKE_SOURCE_DIR})
add_library(engine STATIC engine/sum.cpp engine/other.cpp)
add_library(sim STATIC sim/selftest/journal.cpp)
add_executable(perdure-sim sim/main.cpp)
target_link_libraries(perdure-sim PRIVATE sim engine)
""",
    "sim/scenario.h": "#pragma once\n",
    "engine/sum.h": """#pragma once
#include <vector>
int sum(const std::vector<int>& all);
inline int twice(int x) { return x * 2; }
constexpr int limit = 7;
int other(int x);
bool rare(int seed);
""",
    "engine/sum.cpp": """#include "engine/sum.h"
int sum(const std::vector<int>& all) {
  int total = 0;
  for (std::size_t i = 0; i < all.size(); ++i) total += all[i];
  return total;
}
bool rare(int seed) {
  if (seed % 40 == 17) return sum({1, 2}) > 2;
  return true;
}
""",
    "engine/other.cpp": """#include "engine/sum.h"
int other(int x) {
  if (x < 0) return -1;
  const int y = twice(x) + 1;
  int z = y - 1 - x;
  z += limit;
  z -= limit;
  return z;
}
""",
    "sim/selftest/journal.cpp": """#include <string>
std::size_t tail(const std::string& bytes) {
  std::size_t tail_ = 0;
  tail_ += bytes.size();
  return tail_;
}
""",
    "sim/main.cpp": """#include <iostream>
#include <string>
#include "engine/sum.h"
std::size_t tail(const std::string&);
int main(int, char** argv) {
  const bool journal = std::string(argv[2]) == "journal";
  for (int seed; std::cin >> seed;) {
    const char* check = "";
    const int six = sum({1, 2, 3});
    if (journal ? tail("abc") != 3 : !rare(seed)) check = "acked-is-durable";
    if (!journal && six != 6) check = "exactly-once";
    if (!journal && other(seed % 5) != seed % 5) check = "stable-answers";
    std::cout << "{\\"seed\\":" << seed << ",\\"outcome\\":\\"" << (*check ? "failed" : "passed")
              << "\\",\\"check\\":\\"" << check << "\\",\\"digest\\":\\"" << limit << six << "\\"}" << std::endl;
  }
}
""",
}

# id: class, kind, edits, what the exam must say, planted how
PLANTS = {
    "loop": ("EASY", "EXPR", [("engine/sum.cpp", "i < all.size()", "i + 1 < all.size()")], "found", "EXPR"),
    "same_line": ("EASY", "EXPR", [("engine/sum.cpp", "std::size_t i = 0", "std::size_t i = 1")], "found", "EXPR"),
    "header": ("EASY", "EXPR", [("engine/sum.h", "x * 2", "x * 3")], "found", "EXPR"),
    "rare": ("MEDIUM", "STMT", [("engine/sum.cpp", "if (seed % 40 == 17) return sum({1, 2}) > 2;",
                                 "if (seed % 40 == 17) return false;")], "found", None),
    "wrong": ("EASY", "STMT", [("engine/sum.cpp", "return total;", "return totale;")], "unfit", None),
    "harmless": ("CONTROL", "EXPR", [("engine/other.cpp", "return -1;", "return -2;")], "clean", None),
    "two_files": ("EASY", "PATCH", [("engine/sum.h", "limit = 7", "limit = 8"),
                                    ("engine/other.cpp", "z -= limit;", "z -= limit - 1;")], "found", "PATCH"),
    "unseen": ("EASY", "EXPR", [("engine/sum.h", "constexpr int limit = 7;", "inline int limit = 9;")],
               "missed", "PATCH"),
    "declares": ("EASY", "STMT", [("engine/other.cpp", "const int y = twice(x) + 1;", "const int y = twice(x);")],
                 "found", None),
    "overlaps": ("EASY", "EXPR", [("engine/other.cpp", "twice(x) + 1", "twice(x) + 2")], "found", "PATCH"),
    "binds": ("EASY", "EXPR", [("engine/other.cpp", "1 - x", "2 - x")], "found", "EXPR"),
    "elsewhere": ("EASY", "EXPR", [("CMakeLists.txt", "STATIC engine/sum.cpp", "STATIC")], "unfit", None),
    "gone": ("EASY", "EXPR", [("engine/sum.cpp", "nowhere", "here")], "unfit", None),
}


def main():
    simulator = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        tree, plants = folder / "tree", folder / "plants"
        for name, text in TREE.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        plants.mkdir()
        for name, (within, kind, edits, _, _) in PLANTS.items():
            text = f'id: "{name}"  class: {within}  expect: "ING-1"  kind: {kind}\n'
            for file, old, new in edits:
                text += f"edit {{ file: {json.dumps(file)}  old: {json.dumps(old)}  new: {json.dumps(new)} }}\n"
            (plants / f"{name}.txtpb").write_text(text)
        (plants / "misspelt.txtpb").write_text('id: "misspelt"  klass: EASY\n')
        subprocess.run(["cmake", "-S", tree, "-B", folder / "build", "-G", "Ninja"], check=True,
                       stdout=subprocess.DEVNULL)
        done = subprocess.run([simulator, "exam", "--source", tree, "--build", folder / "build", "--work",
                               folder / "work", "--plants", plants, "--json", folder / "results.json"],
                              capture_output=True, text=True)
        print(done.stdout, done.stderr, sep="\n")
        results = {plant["id"]: plant for plant in json.loads((folder / "results.json").read_text())["plants"]}
        before = {name: (tree / name).read_text() for name in TREE}
    failures = []
    for name, (_, _, _, verdict, form) in PLANTS.items():
        if results[name]["verdict"] != verdict:
            failures.append(f"{name} is {results[name]['verdict']}, not {verdict}: {results[name]['why']}")
        if form and results[name]["planted_as"] != form:
            failures.append(f"{name} was planted as {results[name]['planted_as']}, not {form}")
    expected = {
        "an unknown field is named": "klass: no such field" in done.stdout,
        "the canary is reported": results["canary"]["verdict"] == "found",
        "a rare plant is found where it shows": results["rare"]["first_seed"] == 17,
        "a miss that mattered is the checkers'": results["unseen"]["gap"] == "checker gap",
        "what does not compile says where": "totale" in results["wrong"]["why"],
        "the exit code says that some failed": done.returncode == 1,
        "the tree is as it was": before == TREE,
    }
    failures += [f"not so: {claim}" for claim, holds in expected.items() if not holds]
    print("\n".join(failures))
    print(f"{len(PLANTS) + len(expected) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
