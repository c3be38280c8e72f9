"""The engine asks the world only through engine/io: its archives may not reach past it.

    symbols.py libengine_base.a …

Two gates over the symbol tables of the engine's archives:
  1. no undefined symbol that tells time, draws chance, starts a thread, opens a file or
     a socket, or reads the environment;
  2. no writable data: what a shard knows, an object owns.
"""
import re
import subprocess
import sys

FORBIDDEN = {
    "time": r"clock_gettime|gettimeofday|time|nanosleep|clock_nanosleep|usleep|sleep"
            r"|localtime(_r)?|gmtime(_r)?|strftime|std::chrono::_V2::\w+_clock::now\(\)",
    "chance": r"getrandom|getentropy|rand|rand_r|random|srand|drand48|RAND_\w+|std::random_device::.*",
    "threads": r"pthread_(create|cond_\w+|mutex_lock|join)|std::thread::.*|std::condition_variable::.*"
               r"|std::this_thread::.*|sched_yield|futex",
    "files": r"open(64)?|openat(64)?|creat|fopen(64)?|read|pread(64)?|write|pwrite(64)?|fsync|fdatasync"
             r"|rename|unlink|mkdir|opendir|stat(64)?|fstat(64)?|std::filesystem::.*|std::basic_[io]?fstream.*",
    "sockets": r"socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|epoll_\w+|poll|select"
               r"|getaddrinfo|eventfd",
    "environment": r"getenv|secure_getenv|getpid|gethostname|environ",
}
# Symbols that may stand although they match, each with its reason.
ALLOWED_UNDEFINED = set()
ALLOWED_WRITABLE = {r"guard variable for .*", r"DW\.ref\..*"}  # the compiler's, not ours
WRITABLE_SECTION = re.compile(r"\.(data|bss|tbss|tdata)(?!\.rel\.ro)(\..*)?")


def symbols_of(archive):
    """(name, is it undefined, its section) of each symbol."""
    out = subprocess.run(["nm", "-C", "-f", "sysv", archive], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 7 and cells[0] != "Name":
            yield cells[0], cells[2] == "U", cells[6]


def complaints(archive, symbols):
    for symbol, undefined, section in symbols:
        bare = symbol.split("@")[0]
        if undefined:
            for reach, pattern in FORBIDDEN.items():
                if re.fullmatch(pattern, bare) and bare not in ALLOWED_UNDEFINED:
                    yield f"{archive}: {bare}: {reach} come through engine/io"
        elif WRITABLE_SECTION.fullmatch(section) and not any(re.fullmatch(p, symbol) for p in ALLOWED_WRITABLE):
            if not symbol.startswith((".", "__gcov", "__asan", "__ubsan")):
                yield f"{archive}: {symbol}: writable global; let an object own it"


def self_test():
    seen = list(complaints("x.a", [("clock_gettime@GLIBC_2.17", True, ""), ("memcpy", True, ""),
                                   ("perdure::counter", False, ".bss"), ("time", False, ".text"),
                                   ("table", False, ".data.rel.ro.local"),
                                   ("std::chrono::_V2::system_clock::now()", True, "")]))
    assert len(seen) == 3, seen


if __name__ == "__main__":
    self_test()
    wrong = [c for archive in sys.argv[1:] for c in complaints(archive, symbols_of(archive))]
    print("\n".join(wrong) or f"symbols: {len(sys.argv) - 1} archives ask only engine/io")
    sys.exit(bool(wrong))
