"""./dev new KIND NAME: the files of a new thing, and what is left to do by hand.

    ./dev new command Postpone     a command of the processor, with its text test
    ./dev new endpoint postponed   a function of the admin API
    ./dev new plant L99            a bug put in on purpose
    ./dev new decision why-so      a page in docs/decisions

With --self-test every template is filled in, so that none can rot.
"""
import pathlib
import re
import sys

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
  engine/admin/routes.h, routes.cpp   declare get_{name}; a row with its path and a sentence
  tests/engine/admin/golden/requests.json   a request and its whole answer
  docs/user                           if people use it"""
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
    if kind == "plant":
        return {f"tests/plants/{name}.txtpb": PLANT.format(name=name)}, "next: fill it in; python3 tests/plants/exam.py --only " + name
    if kind == "decision":
        numbers = [int(p.name[:4]) for p in (ROOT / "docs/decisions").glob("[0-9][0-9][0-9][0-9]-*.md")]
        number = max(numbers, default=0) + 1
        title = name.replace("-", " ").capitalize()
        return {f"docs/decisions/{number:04}-{name}.md": DECISION.format(number=number, title=title)}, "next: write it, one page"
    raise SystemExit(__doc__)


def self_test():
    for kind, name in (("command", "PostponeIt"), ("endpoint", "late_ones"), ("plant", "X1"), ("decision", "why-so")):
        files, following = files_for(kind, name)
        assert files and following
        assert all("{name}" not in text and text.strip() for text in files.values()), files
    assert "on_postpone_it.cpp" in str(files_for("command", "PostponeIt")[0].keys())


if __name__ == "__main__":
    self_test()
    if "--self-test" in sys.argv:
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
