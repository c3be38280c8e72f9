// Handlers for every feature there is; who calls them is sim/workload/tour.
//
//     Map (object)      change: "set K V" | "clear K" | "clear_all" | "look" -> "turn|K=V;..."
//                       hold: "<ms> <token>" -> token, after that time in which nothing changes
//     Flow (workflow)   run: waits for promise "go" -> its value
//                       go: value -> "first" | "late"     look: -> the value | "-"
//                       wait: -> the value ("!..." is a failure)
//     Fan               all: "<n> <token>" -> n calls at once of one counter, "1,2,...n,"
//                       failing: token -> the failure of its callee
//                       race: "<ms> <token>" -> token, when the time is over
//                       errand: "<ms> <key> <token>" -> token; a counter grows after that time
//                       header: -> the header x-tour of the request
//                       attach, peek: "id <invocation>" | "key <of a nap>" -> its result
//                       stop: "<invocation>" -> it; that one is cancelled
//                       meet: "resolve|reject <token>" -> "first-<token>" or that failure
//                       tell: completes the awakeable of meet, twice
//                       guard: "<key> <token>" -> token, after an hour of Map/hold
//                       marks: what two runs drew, "<first> <second>"
//                       pair: "<service> <handler> <key or -> <idempotency key> <input>" -> the
//                       answer that it gets twice
//     Failer            fail: token -> fails with it, in a run
//     Hopeless          kill, pause: no attempt ends well, and three are made
//     Loop              steps: "<n> <bytes> <token>" -> n runs with results of so many bytes
//     Fleeting (object) add: -> the count; an idempotency key is known for seconds
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
  TRY(before, ctx.get(turns));
  TRY_VOID(ctx.sleep(milliseconds(number(rest))));
  TRY(after, ctx.get(turns));
  if (before != after) return fail(Code::conflict, "its state was changed while it held it");
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

Result<std::string> flow_wait(Dialogue& ctx, HandlerWatch&) { return ctx.promise("go"); }

Result<std::string> fan_errand(Dialogue& ctx, HandlerWatch&) {
  std::string_view rest = ctx.input();
  const auto delay = milliseconds(number(rest));
  const std::string_view key = word(rest);
  TRY_VOID(ctx.send_later("Counter", "add", key, rest, delay));
  return std::string(rest);
}

Result<std::string> fan_header(Dialogue& ctx, HandlerWatch&) { return ctx.header("x-tour"); }

Dialogue::Named named(std::string_view text) {
  const std::string_view how = word(text);
  if (how == "id") return {.invocation = std::string(text)};
  return {.service = "Sleeper", .handler = "nap", .idempotency_key = std::string(text)};
}
Result<std::string> fan_attach(Dialogue& ctx, HandlerWatch&) {
  return ctx.attach(named(ctx.input()), false);
}
Result<std::string> fan_peek(Dialogue& ctx, HandlerWatch&) {
  return ctx.attach(named(ctx.input()), true);
}

Result<std::string> fan_stop(Dialogue& ctx, HandlerWatch&) {
  TRY_VOID(ctx.cancel(ctx.input()));
  return ctx.input();
}

Result<std::string> fan_meet(Dialogue& ctx, HandlerWatch&) {
  std::string_view rest = ctx.input();
  const std::string_view verb = word(rest);
  const Dialogue::Awakeable awakeable = ctx.awakeable();
  TRY_VOID(ctx.send("Fan", "tell", "", fmt::format("{} {} {}", verb, awakeable.id, rest)));
  return ctx.await(awakeable);
}
Result<std::string> fan_tell(Dialogue& ctx, HandlerWatch&) {
  std::string_view rest = ctx.input();
  const bool resolve = word(rest) == "resolve";
  const std::string_view id = word(rest);
  for (const std::string_view which : {"first-", "second-"}) {
    std::string text = std::string(which) + std::string(rest);
    TRY_VOID(ctx.complete_awakeable(
        id, resolve ? wire::Outcome(wire::Value{std::move(text)})
                    : wire::Outcome(wire::Failure{.code = 409, .message = std::move(text)})));
  }
  return std::string(rest);
}

constexpr std::string_view an_hour_in_ms = "3600000 ";

Result<std::string> fan_guard(Dialogue& ctx, HandlerWatch&) {
  std::string_view rest = ctx.input();
  const std::string_view key = word(rest);
  return ctx.call("Map", "hold", key, std::string(an_hour_in_ms) + std::string(rest));
}

Result<std::string> fan_pair(Dialogue& ctx, HandlerWatch&) {
  std::string_view rest = ctx.input();
  const std::string_view service = word(rest), handler = word(rest);
  const std::string_view key = word(rest), name = word(rest);
  std::vector<Dialogue::Awaited> calls;
  for (int times = 0; times < 2; ++times) {
    TRY(begun, ctx.begin_call(service, handler, key == "-" ? "" : key, rest, name));
    calls.push_back(begun);
  }
  TRY_VOID(ctx.await_all(calls));
  TRY(first, ctx.await(calls[0]));
  TRY(again, ctx.await(calls[1]));
  if (first != again) return fail(Code::conflict, "answered " + first + " and " + again);
  return first;
}

Result<std::string> fan_marks(Dialogue& ctx, HandlerWatch&) {
  TRY(first, ctx.run("first", [&] { return ctx.drawn(); }));
  TRY_VOID(ctx.sleep(milliseconds(20)));
  TRY(second, ctx.run("second", [&] { return ctx.drawn(); }));
  return first + " " + second;
}

Result<std::string> hopeless(Dialogue& ctx, HandlerWatch&) {
  return ctx.give_up("hopeless " + ctx.input());
}

Result<std::string> fleeting_add(Dialogue& ctx, HandlerWatch&) {
  TRY(stored, ctx.get("count"));
  const std::string count = std::to_string(stored ? std::stoull(*stored) + 1 : 1);
  TRY_VOID(ctx.set("count", count));
  return count;
}

Result<std::string> failer_fail(Dialogue& ctx, HandlerWatch&) {
  return ctx.run("fail", [&] { return "!it failed: " + ctx.input(); });
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
    Handler{"Flow", "WORKFLOW", "wait", "SHARED", flow_wait},
    Handler{"Fan", "SERVICE", "all", "", fan_all},
    Handler{"Fan", "SERVICE", "failing", "", fan_failing},
    Handler{"Fan", "SERVICE", "race", "", fan_race},
    Handler{"Fan", "SERVICE", "errand", "", fan_errand},
    Handler{"Fan", "SERVICE", "header", "", fan_header},
    Handler{"Fan", "SERVICE", "attach", "", fan_attach},
    Handler{"Fan", "SERVICE", "peek", "", fan_peek},
    Handler{"Fan", "SERVICE", "stop", "", fan_stop},
    Handler{"Fan", "SERVICE", "meet", "", fan_meet},
    Handler{"Fan", "SERVICE", "tell", "", fan_tell},
    Handler{"Fan", "SERVICE", "guard", "", fan_guard},
    Handler{"Fan", "SERVICE", "pair", "", fan_pair},
    Handler{"Fan", "SERVICE", "marks", "", fan_marks},
    Handler{"Failer", "SERVICE", "fail", "", failer_fail},
    Handler{.service = "Hopeless",
            .service_type = "SERVICE",
            .name = "kill",
            .run = hopeless,
            .attempts_max = 3,
            .then = "KILL"},
    Handler{.service = "Hopeless",
            .service_type = "SERVICE",
            .name = "pause",
            .run = hopeless,
            .attempts_max = 3,
            .then = "PAUSE"},
    Handler{"Loop", "SERVICE", "steps", "", loop_steps},
    Handler{"Fleeting", "VIRTUAL_OBJECT", "add", "EXCLUSIVE", fleeting_add, false,
            fleeting_retention},
    // Map once more, with state that is asked for piece by piece.
    Handler{"LazyMap", "VIRTUAL_OBJECT", "change", "EXCLUSIVE", map_change, true},
};

}  // namespace

std::span<const Handler> tour_handlers() { return handlers; }

}  // namespace perdure::sim
