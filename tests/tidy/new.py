"""./dev new KIND NAME: the files of a new thing, and what is left to do by hand.

    ./dev new command Postpone         a command of the processor, with its text test
    ./dev new endpoint postponed       a function of the admin API
    ./dev new fault disk/LostSector    a misfortune, in the folder of its layer
    ./dev new scenario log/full_disk   what the simulator shall survive, as text
    ./dev new table Lease              a kind of row of a partition's tables, with its test
    ./dev new plant L99                a bug put in on purpose
    ./dev new decision why-so          a page in docs/decisions

With --self-test COMPILER PERDURE_SIM every template is filled in, and what is code or a
scenario goes through the compiler or the simulator, so that none can rot.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

COMMAND = """// {name}: say here what it asks for, of whom, and when it has no effect.
#include "engine/processor/commands.h"

namespace perdure::processor {{

void on(Context& context, const wire::{name}& {snake}) {{
  Live* live = context.live({snake}.id);
  if (!live) return;
}}

}}  // namespace perdure::processor
"""
COMMAND_TEST = """# Why {name} matters, in a sentence; then steps, each with its why.
# `./dev test --rewrite {path}` fills in the answers: read the diff.
"""
COMMAND_NEXT = """next:
  engine/wire/command.h     the struct, its number in Command (never one that was used), name_of
  engine/processor/commands.h, apply.cpp   declare it and call it: the compiler shows where
  {test}   the text test
  docs/glossary.md          if the word is new"""
ENDPOINT = """// {title}: say here what an operator learns from it, or does.
#include <nlohmann/json.hpp>

#include "engine/admin/routes.h"
#include "engine/admin/text.h"

namespace perdure::admin {{

MaybeReply get_{name}(Call& call) {{
  nlohmann::ordered_json body{{{{"version", call.options.version}}}};
  return json_reply(200, body);
}}

}}  // namespace perdure::admin
"""
ENDPOINT_NEXT = """next:
  engine/admin/routes.h, routes.cpp   declare get_{name}; a row: path, function, name, a sentence, its contract
  tests/engine/admin/golden/requests.json   a request and its whole answer
  docs/user                           if people use it"""
FAULT = """// faults/{folder}/{snake}.h
//
// Range: 100 ms to 10 s.
#pragma once

#include "faults/drawer.h"

namespace perdure::faults {{

struct {name} {{
  static constexpr Kind kind = Kind::{snake};
  static constexpr std::string_view name = "{snake}";
  static constexpr std::string_view story = "What happens to whom, in a sentence.";
  static constexpr double per_minute = 1;  // of one node, in a rough run

  std::string host;
  Duration lasts = {{}};

  template <class Self, class Visit>
  static void fields(Self& self, Visit&& visit) {{
    visit("host", self.host);
    visit("lasts", self.lasts);
  }}
  static {name} draw(Drawer& draw, const Victims& victims) {{
    {name} fault = {{.host = draw.one_of(victims.nodes)}};
    fault.lasts = draw.span(std::chrono::milliseconds(100), std::chrono::seconds(10));
    return fault;
  }}
}};

}}  // namespace perdure::faults
"""
FAULT_NEXT = """next:
  engine/io/…            is it in *Allowed* of the interface?  else write it there first
  faults/kind.h          {snake}, last: kinds keep their order
  faults/fault.h         include it; {name} in Fault, in the same place
  sim/nemesis.cpp        what it does: the compiler shows where
  sim/scenario.proto     message {name}, and a line of Op
  docs/user/simulator.md the table of kinds
  scenarios/{folder}/    a scenario that reaches a mark behind it: ./dev new scenario {folder}/NAME"""
TABLE = """// engine/tables/{snake}.h
//
// {name}: say here what one row tells, who writes it, and when it goes.
#pragma once

#include "engine/tables/keys.h"
#include "engine/wire/codec.h"

namespace perdure::tables {{

struct {name}Row {{
  WallTime until;
  static constexpr auto fields = std::tuple(wire::field(1, "until", &{name}Row::until));
}};

// What is looked up, and in what order it lies: the partition key first, if it has one.
inline Key {snake}_key(const wire::InvocationId& id) {{
  return Key().be(static_cast<std::uint8_t>(Kind::{snake})).id(id);
}}

}}  // namespace perdure::tables
"""
TABLE_TEST = """#include "engine/tables/{snake}.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace perdure::tables {{
namespace {{

wire::InvocationId id_of(std::uint64_t partition_key, std::uint64_t low) {{
  return {{.partition_key = partition_key, .uuid = {{.high = 0, .low = low}}}};
}}

TEST({name}, RowsLieByPartitionKeyAndAmongTheirKind) {{
  const std::string first = {snake}_key(id_of(1, 0xFFFF)).str();
  const std::string second = {snake}_key(id_of(2, 0)).str();
  EXPECT_LT(first, second);
  const KeyRange all = all_of(Kind::{snake});
  EXPECT_LE(all.from, first);
  EXPECT_LT(second, all.to);
}}

TEST({name}, AValueIsWhatWasPut) {{
  const {name}Row row{{.until = WallTime(std::chrono::seconds(7))}};
  const auto read = wire::decode<{name}Row>(wire::encode(row));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->until, row.until);
}}

}}  // namespace
}}  // namespace perdure::tables
"""
TABLE_NEXT = """next:
  engine/tables/keys.h      {snake} in Kind, with a number that never was one, and a line of its table
  tests/engine/processor/show_rows.h, sim/check/debt.cpp   how it is shown; whether it may be left over: the compiler shows where
  engine/processor/reads.cpp   each command that reads such a row says so
  docs/glossary.md          if the word is new"""
SCENARIO = """# What the danger is, and why it should go well.  (Where it happened, if it did.)
story: "What a user sees, in a sentence."
reaches: "client.add.answered"
time {{ chaos_ms: 20000 }}
workload {{ clients: 3 operations: 30 mix {{ verb: "add" weight: 5 }} }}
swarm {{ profile: "mild" only: ["slow_network"] }}
nemesis {{ at_ms: 5000 op {{ power_loss {{ host: "n1" restart_after_ms: 100 }} }} }}
"""
SCENARIO_NEXT = """next:
  {path}   story, reaches, what goes wrong (sim/scenario.proto has the words)
  ./dev sim --scenario {name} --seeds 100   CTest runs it with 8 seeds from now on"""
PLANT = """id: "{name}"  class: EASY  expect: "PP-3"  kind: EXPR
story: "What is wrong, in a sentence, and in which real system it happened, if it did."
edit {{ file: "engine/…"  old: "the text as it stands, once in the file"  new: "the wrong one" }}
"""
DECISION = """# {number:04} {title}

DATE

**Context.** What made us choose.

**Choice.** What we do.

**Given up.** What that costs.

**Would change our mind.** What we would have to see.
"""


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def files_for(kind, name):
    """The files to write, and a text that says what is next."""
    if kind == "command":
        if not re.fullmatch(r"([A-Z][a-z]+)+", name):
            raise SystemExit(f"a command is CamelCase, like Postpone; got '{name}'")
        test = f"tests/engine/processor/apply/{snake(name)}.txt"
        return {
            f"engine/processor/on_{snake(name)}.cpp": COMMAND.format(name=name, snake=snake(name)),
            test: COMMAND_TEST.format(name=name, path=test),
        }, COMMAND_NEXT.format(test=test)
    if kind == "endpoint":
        if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name):
            raise SystemExit(f"an endpoint is snake_case, like postponed; got '{name}'")
        title = name.replace("_", " ").capitalize()
        return {f"engine/admin/{name}.cpp": ENDPOINT.format(name=name, title=title)}, ENDPOINT_NEXT.format(name=name)
    if kind == "fault":
        found = re.fullmatch(r"(bucket|clock|disk|network|process)/((?:[A-Z][a-z]+)+)", name)
        if not found:
            raise SystemExit(f"a fault is a folder of faults/ and CamelCase, like disk/LostSector; got '{name}'")
        folder, name = found.groups()
        words = {"folder": folder, "name": name, "snake": snake(name)}
        return {f"faults/{folder}/{snake(name)}.h": FAULT.format(**words)}, FAULT_NEXT.format(**words)
    if kind == "table":
        if not re.fullmatch(r"([A-Z][a-z]+)+", name):
            raise SystemExit(f"a table is CamelCase, like Lease; got '{name}'")
        words = {"name": name, "snake": snake(name)}
        return {
            f"engine/tables/{snake(name)}.h": TABLE.format(**words),
            f"tests/engine/tables/{snake(name)}_test.cpp": TABLE_TEST.format(**words),
        }, TABLE_NEXT.format(**words)
    if kind == "scenario":
        if not re.fullmatch(r"[a-z]+/[a-z0-9]+(_[a-z0-9]+)*", name):
            raise SystemExit(f"a scenario is a folder and snake_case, like log/full_disk; got '{name}'")
        path = f"scenarios/{name}.txtpb"
        return {path: SCENARIO.format()}, SCENARIO_NEXT.format(name=name, path=path)
    if kind == "plant":
        return {f"tests/plants/{name}.txtpb": PLANT.format(name=name)}, "next: fill it in; python3 tests/plants/exam.py --only " + name
    if kind == "decision":
        numbers = [int(p.name[:4]) for p in (ROOT / "docs/decisions").glob("[0-9][0-9][0-9][0-9]-*.md")]
        number = max(numbers, default=0) + 1
        title = name.replace("-", " ").capitalize()
        return {f"docs/decisions/{number:04}-{name}.md": DECISION.format(number=number, title=title)}, "next: write it, one page"
    raise SystemExit(__doc__)


# What is done by hand for a new command or endpoint, so that its template compiles.
BY_HAND = {
    "command": """#include "engine/processor/context.h"
namespace perdure::wire { struct PostponeIt { InvocationId id; }; }
namespace perdure::processor { void on(Context&, const wire::PostponeIt&); }
""",
    "endpoint": """#include "engine/admin/routes.h"
namespace perdure::admin { MaybeReply get_late_ones(Call&); }
""",
    "fault": "",
    "table": "",
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def try_out(kind, file, compiler, simulator):
    if kind == "fault":
        file.write_text(file.read_text().replace("Kind::lost_sector", "Kind::pause"))
    if kind == "table":
        header = f'#include "{file.with_name("night_lease.h")}"'
        text = file.read_text().replace("Kind::night_lease", "Kind::lock")
        file.write_text(text.replace('#include "engine/tables/night_lease.h"', header))
    if file.suffix in (".cpp", ".h"):
        whole = file.with_name("whole.cpp")
        whole.write_text(BY_HAND[kind] + f'#include "{file}"\n')
        run(compiler, "-std=c++23", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-iquote", ROOT, whole)
    if kind == "scenario":
        run(simulator, "run", "--scenario", file, "--seeds", "1")


def self_test(compiler, simulator):
    things = {"command": "PostponeIt", "endpoint": "late_ones", "fault": "disk/LostSector", "table": "NightLease",
              "scenario": "log/some_day", "plant": "X1", "decision": "why-so"}
    assert all(f"./dev new {kind} " in __doc__ for kind in things)
    for kind, name in things.items():
        files, following = files_for(kind, name)
        assert files and following
        assert all("{name}" not in text and text.strip() for text in files.values()), files
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = pathlib.Path(folder) / pathlib.Path(path).name
                file.write_text(text)
                try_out(kind, file, compiler, simulator)
    assert "engine/processor/on_postpone_it.cpp" in files_for("command", "PostponeIt")[0]
    assert "faults/disk/lost_sector.h" in files_for("fault", "disk/LostSector")[0]
    assert "tests/engine/tables/night_lease_test.cpp" in files_for("table", "NightLease")[0]
    assert "scenarios/log/some_day.txtpb" in files_for("scenario", "log/some_day")[0]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--self-test"]:
        self_test(*sys.argv[2:])
        sys.exit(0)
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    files, following = files_for(sys.argv[1], sys.argv[2])
    for path, text in files.items():
        if (ROOT / path).exists():
            raise SystemExit(f"{path} is there already")
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
        print(f"wrote {path}")
    print(following)
