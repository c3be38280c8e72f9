// Handlers for every feature there is; who calls them is sim/workload/tour.
//
//     Map (object)      change: "set K V" | "clear K" | "clear_all" | "look" -> "turn|K=V;..."
//                       hold: "<ms> <token>" -> token, after that time
//     Flow (workflow)   run: waits for promise "go" -> its value
//                       go: value -> "first" | "late"     look: -> the value | "-"
//     Fan               all: "<n> <token>" -> n calls at once of one counter, "1,2,...n,"
//                       failing: token -> the failure of its callee
//                       race: "<ms> <token>" -> token, when the time is over
//     Failer            fail: token -> fails with it
//     Loop              steps: "<n> <bytes> <token>" -> n runs with results of so many bytes
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "sim/handlers/handler.h"

namespace perdure::sim {

namespace {

using std::chrono::milliseconds;

// The next word of what is left.
std::string_view word(std::string_view& rest) {
  const std::size_t blank = std::min(rest.find(' '), rest.size());
  const std::string_view first = rest.substr(0, blank);
  rest.remove_prefix(std::min(blank + 1, rest.size()));
  return first;
}
std::uint64_t number(std::string_view& rest) {
  const std::string_view text = word(rest);
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

constexpr std::string_view turns = "~turns";  // a key of the state, behind all others

Result<std::string> map_change(Dialogue& ctx, HandlerWatch&) {
  TRY(stored, ctx.get(turns));
  std::string_view rest = ctx.input();
  const std::string_view verb = word(rest);
  if (verb == "set") {
    const std::string_view key = word(rest);
    TRY_VOID(ctx.set(key, rest));
  } else if (verb == "clear") {
    TRY_VOID(ctx.clear(rest));
  } else if (verb == "clear_all") {
    TRY_VOID(ctx.clear_all());
  }
  const std::string turn = std::to_string(stored ? std::stoull(*stored) + 1 : 1);
  TRY_VOID(ctx.set(turns, turn));
  TRY(keys, ctx.keys());
  std::string answer = turn + "|";
  for (const std::string& key : keys) {
    if (key == turns) continue;
    TRY(value, ctx.get(key));
    answer += key + "=" + value.value_or("(nothing)") + ";";
  }
  return answer;
}

Result<std::string> map_hold(Dialogue& ctx, HandlerWatch&) {
  std::string_view rest = ctx.input();
  TRY_VOID(ctx.sleep(milliseconds(number(rest))));
  return std::string(rest);
}

Result<std::string> flow_run(Dialogue& ctx, HandlerWatch&) {
  TRY_VOID(ctx.set("state", "waits"));
  TRY(value, ctx.promise("go"));
  TRY_VOID(ctx.set("state", value));
  return value;
}

Result<std::string> flow_go(Dialogue& ctx, HandlerWatch&) {
  TRY(first, ctx.complete_promise("go", ctx.input()));
  return std::string(first ? "first" : "late");
}

Result<std::string> flow_look(Dialogue& ctx, HandlerWatch&) {
  TRY(value, ctx.peek_promise("go"));
  return value.value_or("-");
}

Result<std::string> fan_all(Dialogue& ctx, HandlerWatch&) {
  std::string_view rest = ctx.input();
  const std::uint64_t width = number(rest);
  std::vector<Dialogue::Awaited> calls;
  for (std::uint64_t n = 0; n < width; ++n) {
    TRY(begun, ctx.begin_call("Counter", "add", fmt::format("fan-{}", rest), rest));
    calls.push_back(begun);
  }
  TRY_VOID(ctx.await_all(calls));
  std::vector<std::uint64_t> counts;
  for (const Dialogue::Awaited& call : calls) {
    TRY(count, ctx.await(call));
    counts.push_back(std::stoull(count));
  }
  std::ranges::sort(counts);
  std::string answer;
  for (const std::uint64_t count : counts) answer += fmt::format("{},", count);
  return answer;
}

Result<std::string> fan_failing(Dialogue& ctx, HandlerWatch&) {
  return ctx.call("Failer", "fail", "", ctx.input());
}

Result<std::string> fan_race(Dialogue& ctx, HandlerWatch&) {
  std::string_view rest = ctx.input();
  const Dialogue::Awakeable never = ctx.awakeable();
  TRY(alarm, ctx.begin_sleep(milliseconds(number(rest))));
  TRY_VOID(ctx.await_first(alarm, never));
  return std::string(rest);
}

Result<std::string> failer_fail(Dialogue& ctx, HandlerWatch&) {
  return fail(Code::conflict, "it failed: " + ctx.input());
}

Result<std::string> loop_steps(Dialogue& ctx, HandlerWatch&) {
  std::string_view rest = ctx.input();
  const std::uint64_t count = number(rest), bytes = number(rest);
  std::uint64_t done = 0;
  for (std::uint64_t n = 0; n < count; ++n) {
    const std::string piece(bytes, static_cast<char>('a' + n % 26));
    TRY(result, ctx.run("step", [&] { return piece; }));
    done += result == piece;
    if (n % 3 == 2) TRY_VOID(ctx.sleep(milliseconds(20)));
  }
  return fmt::format("{} {}", rest, done);
}

constexpr std::array handlers = {
    // by service
    Handler{"Map", "VIRTUAL_OBJECT", "change", "EXCLUSIVE", map_change},
    Handler{"Map", "VIRTUAL_OBJECT", "hold", "EXCLUSIVE", map_hold, true},
    Handler{"Flow", "WORKFLOW", "run", "WORKFLOW", flow_run},
    Handler{"Flow", "WORKFLOW", "go", "SHARED", flow_go},
    Handler{"Flow", "WORKFLOW", "look", "SHARED", flow_look},
    Handler{"Fan", "SERVICE", "all", "", fan_all},
    Handler{"Fan", "SERVICE", "failing", "", fan_failing},
    Handler{"Fan", "SERVICE", "race", "", fan_race},
    Handler{"Failer", "SERVICE", "fail", "", failer_fail},
    Handler{"Loop", "SERVICE", "steps", "", loop_steps},
    // Map once more, with state that is asked for piece by piece.
    Handler{"LazyMap", "VIRTUAL_OBJECT", "change", "EXCLUSIVE", map_change, true},
};

}  // namespace

std::span<const Handler> tour_handlers() { return handlers; }

}  // namespace perdure::sim
