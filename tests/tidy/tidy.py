"""Lint by words: each banned word comes with the word to use instead.

Also: files named in the docs exist, docs/glossary.md is a table, no file is empty, every
decision is numbered once, every plant's old text stands once.  `self_test` shows each
check a line it must catch.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# (where, banned, use instead)
WORDS = [
    ("engine/", r"\bis_simulated\b|\bIS_SIM\b", "a word in engine/io that both hosts can answer"),
    ("engine/", r"_clock::now\(\)", "the Instant or WallTime you were given"),
    ("engine/", r"catch \(\.\.\.\)", "nothing: a simulated crash unwinds by exception"),
    ("engine/", r"\bstd::(thread|mutex|condition_variable|atomic|async)\b", "fibers; shards share nothing"),
    ("engine/", r"\bstd::random_device\b|\bstd::mt19937", "io::Random"),
    ("engine/", r"\bstd::(cout|cerr|clog)\b|\bprintf\(|\bputs\(", "io::Trace"),
    ("engine/", r"\bthread_local\b", "a member: shards own what they know"),
    ("engine/(log|tables|processor|raft|wal)/", r"\bstd::unordered_", "an ordered map or a sorted vector"),
    ("engine/(log|tables|processor|raft|wal)/", r"\bstd::shared_ptr\b", "one owner: std::unique_ptr"),
    ("engine/", r"\bstd::hash<\w+\s*\*>", "an id; addresses differ from run to run"),
    ("(engine|net|sim|host|sdk|faults)/", r"\b(TODO|FIXME|XXX|HACK)\b", "an issue, or the thing itself"),
    ("tests/", r"\b(sleep_for|usleep|DISABLED_|GTEST_SKIP)\b", "virtual time; or delete the test"),
    ("(engine|net|sim|host)/.*\\.h$", r"#include <(rocksdb|nghttp2|nlohmann|spdlog|boost|openssl)/", "it in the .cpp"),
    ("", r"\t", "two spaces"),
]
# Files whose business it is to name a banned word.
EXEMPT = {"tests/tidy/tidy.py", "tests/symbols.py"}
HOST_FILES = {  # what each pattern may be excused in, with the reason
    ("engine/base/check.cpp", r"printf"): "the last words of a process",
}
SOURCE = (".cpp", ".h", ".py", ".cmake", ".txt")


def tracked():
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in out.stdout.splitlines() if (ROOT / name).exists()]


def bad_words(file, text):
    if file in EXEMPT:
        return
    for where, banned, instead in WORDS:
        if not re.match(where, file):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            code = re.sub(r"//.*", "", line) if "TODO" not in banned else line
            found = re.search(banned, code)
            excused = any(file == f and re.search(w, code) for f, w in HOST_FILES)
            if found and not excused:
                yield f"{file}:{number}: '{found[0].strip() or 'tab'}': use {instead}"


def long_files(file, text):
    if file.endswith((".cpp", ".h")) and text.count("\n") > 800:
        yield f"{file}: {text.count(chr(10))} lines: split it by noun"


def missing_files(file, text, names):
    """Paths in backticks in our documents must exist."""
    if not file.endswith(".md"):
        return
    folders = {str(p) for name in names for p in pathlib.PurePosixPath(name).parents}
    for path in re.findall(r"`((?:engine|net|sim|host|faults|tests|docs|scenarios|sdk)/[\w./-]+)`", text):
        stem = path.rstrip("/")
        if stem not in names and stem not in folders:
            yield f"{file}: names {path}, which is not there"


def check_tree():
    names = set(tracked())
    wrong = []
    for name in sorted(names):
        if not name.endswith((*SOURCE, ".md")):
            continue
        text = (ROOT / name).read_text(errors="replace")
        if not text.strip():
            wrong.append(f"{name}: is empty: delete it")
        wrong += missing_files(name, text, names)
        if name.endswith((".cpp", ".h")):
            wrong += bad_words(name, text)
            wrong += long_files(name, text)
    return wrong


def self_test():
    def seen(file, text):
        return len(list(bad_words(file, text)))
    assert seen("engine/log/a.cpp", "if (is_simulated) {}") == 1
    assert seen("engine/log/a.cpp", "std::unordered_map<int, int> m;") == 1
    assert seen("engine/http/a.cpp", "std::unordered_map<int, int> m;") == 0
    assert seen("engine/log/a.cpp", "// the std::thread of old") == 0
    assert seen("net/a.cpp", "int x;  // TODO later") == 1
    assert seen("engine/http/a.h", "#include <nghttp2/nghttp2.h>") == 1
    assert list(missing_files("docs/x.md", "see `engine/none.h`", {"engine/some.h"}))
    assert not list(missing_files("docs/x.md", "see `engine/some.h`", {"engine/some.h"}))
    assert list(long_files("a.cpp", "\n" * 900))


if __name__ == "__main__":
    self_test()
    wrong = check_tree()
    print("\n".join(wrong) or "tidy: no banned word, no dead path")
    sys.exit(bool(wrong))
