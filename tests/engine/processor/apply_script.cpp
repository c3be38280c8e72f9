// Text tests of apply: one record a line, and what it changed.
//
//     invoke A obj:Counter/k/add input=1
//     ----
//     + live A  …                  rows: + made, ~ changed, - gone
//     wants: run A                 what a leader derives from it
//
// Several commands in one record: `record`, the commands, `commit`.
// Letters are invocations; `far X` puts one on the other of the two partitions.
// at=30 sets the time of this record and those after, in seconds since the beginning;
// by=self:3.7, by=source:1.5 or by=request:9 says who produced it.  Without it what a
// handler does comes from the present leader, everything else is idempotent by name.
#include <iostream>
#include <optional>

#include "engine/processor/context.h"
#include "tests/engine/processor/show_rows.h"
#include "tests/support/script.h"

namespace tests {
namespace {

using enum wire::MessageType;

std::string field_or(const Command& c, const std::string& name, std::string otherwise) {
  const auto found = c.fields.find(name);
  return found == c.fields.end() ? otherwise : found->second;
}
bool has(const Command& c, const std::string& name) { return c.fields.contains(name); }

WallTime time_from(const std::string& text) { return at_second(std::stod(text)); }

std::uint32_t number(const std::string& text) {
  return static_cast<std::uint32_t>(std::stoul(text));
}

// "x*9000" is many of them.
std::string text_from(const std::string& text) {
  const auto star = text.find('*');
  return star == std::string::npos ? text : std::string(number(text.substr(star + 1)), text[0]);
}

// "500:broken" is a failure, all else a value.
wire::Outcome outcome_from(const std::string& text) {
  const auto colon = text.find(':');
  if (colon != 3) return wire::Value{.content = text};
  return wire::Failure{.code = number(text.substr(0, 3)), .message = text.substr(4)};
}

// any(1,2,s17,go)  all(1,any(2,3))  firstok(…)  allok(…)
wire::Future future_from(std::string_view& text) {
  wire::Future future;
  const auto open = text.find('(');
  const std::string_view name = text.substr(0, open);
  using enum wire::Combinator;
  future.combinator = name == "all"       ? all_completed
                      : name == "firstok" ? first_succeeded_or_all_failed
                      : name == "allok"   ? all_succeeded_or_first_failed
                                          : first_completed;
  text.remove_prefix(open + 1);
  while (!text.starts_with(')')) {
    if (text.starts_with(',')) text.remove_prefix(1);
    const auto end = text.find_first_of("(,)");
    const std::string word(text.substr(0, end));
    if (text[end] == '(') {
      future.nested.push_back(future_from(text));
      continue;
    }
    text.remove_prefix(end);
    if (word.find_first_not_of("0123456789") == std::string::npos) {
      future.completions.push_back(number(word));
    } else if (word[0] == 's' && word.find_first_not_of("0123456789", 1) == std::string::npos) {
      future.signals.push_back(number(word.substr(1)));
    } else {
      future.named_signals.push_back(word);
    }
  }
  text.remove_prefix(1);
  return future;
}

class Script {
 public:
  std::string answer(const Command& c) {
    if (has(c, "at")) now_ = time_from(c.fields.at("at"));
    if (c.verb == "far") return far(c);
    if (c.verb == "record") return collecting_ = true, "";
    if (c.verb == "rows") return all_rows();
    if (c.verb != "commit") {
      record_.commands.push_back({.body = body(c)});
      if (collecting_) return "";
    }
    collecting_ = false;
    return commit(c);
  }

 private:
  using Body = decltype(wire::Command::body);

  wire::InvocationId id(const std::string& name) { return names_.id(name); }

  std::string far(const Command& c) {
    names_.put(c.words[0], {.partition_key = partition_key_at(false),
                            .uuid = {.high = 2, .low = static_cast<unsigned char>(c.words[0][0])}});
    return "";
  }

  std::string all_rows() {
    std::string out;
    for (const auto& [key, value] : rows_.all()) out += RowText(names_).row(key, value) + "\n";
    return out;
  }

  std::string commit(const Command& c) {
    record_.at = now_;
    record_.producer = producer(c);
    const auto before = rows_.all();
    const auto changes = rows_.apply(lsn_ = lsn_.next(), record_);
    record_ = {};
    by_leader_ = false;
    if (!changes)
      return std::string(name_of(changes.error().code)) + ": " + changes.error().detail + "\n";
    std::string out;
    if (changes->verdict != processor::Verdict::applied) {
      out = std::string(name_of(changes->verdict));
      if (changes->verdict == processor::Verdict::refused) {
        out += ", it is " + second_of(changes->request_time) + " here";
      }
      out += "\n";
    }
    out += difference(before, rows_.all(), names_);
    for (const auto& change : changes->list) out += "wants: " + show(change, names_) + "\n";
    return out;
  }

  decltype(wire::Record::producer) producer(const Command& c) {
    const std::string by = field_or(c, "by", by_leader_ ? "leader" : "");
    if (by.empty()) return {};
    if (by == "leader") return wire::SelfProducer{.epoch = epoch_, .seq = ++seq_};
    const auto colon = by.find(':'), dot = by.find('.');
    const std::uint64_t first = std::stoull(by.substr(colon + 1));
    const std::uint64_t second = dot == std::string::npos ? 0 : std::stoull(by.substr(dot + 1));
    if (by.starts_with("self")) return wire::SelfProducer{.epoch = Epoch(first), .seq = second};
    if (by.starts_with("request")) {
      return wire::RequestProducer{
          .high = 0,
          .low = first,
          .first_attempt = has(c, "since") ? time_from(c.fields.at("since")) : now_};
    }
    wire::SourceProducer source{.partition = PartitionId(first), .seq = second};
    std::string seqs = field_or(c, "seqs", "");
    while (!seqs.empty()) {
      source.seqs.push_back(std::stoull(seqs));
      seqs = seqs.find(',') == std::string::npos ? "" : seqs.substr(seqs.find(',') + 1);
    }
    return source;
  }

  Body body(const Command& c);
  Body outside(const Command& c);
  Body step(const Command& c);
  Body housekeeping(const Command& c);
  wire::Invoke invoke(const Command& c);
  std::string kept_entries(const wire::InvocationId& of, std::uint32_t count);
  wire::Entry entry(const Command& c);
  wire::Entry state_entry(const Command& c);
  wire::Entry promise_entry(const Command& c);
  wire::Entry call_entry(const Command& c);
  wire::Entry other_entry(const Command& c);
  wire::Waiter waiter(const std::string& text) {  // "A.2"
    return {.invocation = id(text.substr(0, 1)), .completion_id = number(text.substr(2))};
  }
  template <wire::Message T>
  wire::Entry made(const Command& c, wire::MessageType type, const T& message) {
    return {.id = id(c.words[0]), .type = type, .payload = wire::encode(message)};
  }

  PartitionRows rows_{{.partition = home(), .partitions = 2}};
  Names names_;
  WallTime now_ = began_at;
  Lsn lsn_;
  wire::Record record_;
  bool collecting_ = false, by_leader_ = false;
  Epoch epoch_;
  std::uint64_t seq_ = 0;
};

std::string Script::kept_entries(const wire::InvocationId& of, std::uint32_t count) {
  std::string taken;
  for (const auto& [key, value] : rows_.all()) {
    const bool kept = key[0] == static_cast<char>(tables::Kind::kept);
    if (!kept || tables::in_bucket(key).id != of) continue;
    std::string_view rest = value;
    while (count-- > 0) {
      const auto frame = wire::next_frame(rest);
      CHECK(frame.has_value());
      wire::put_frame(taken, frame->header.type, frame->payload);
    }
  }
  return taken;
}

wire::Invoke Script::invoke(const Command& c) {
  const wire::Target target = target_from(c.words[1]);
  wire::Invoke made{
      .id = names_.id(c.words[0], &target), .target = target, .input = field_or(c, "input", "")};
  if (has(c, "waiter")) made.waiter = waiter(c.fields.at("waiter"));
  if (has(c, "due")) made.due = time_from(c.fields.at("due"));
  if (has(c, "inherits")) {  // "A:3": the first entries of what is kept of it
    const std::string& of = c.fields.at("inherits");
    made.inherited =
        wire::Inherited{.journal = kept_entries(id(of.substr(0, 1)), number(of.substr(2))),
                        .deployment = wire::DeploymentId{.ulid = {.high = 7, .low = 7}},
                        .protocol_version = 6};
  }
  made.retention.completion = std::chrono::seconds(std::stoll(field_or(c, "keep", "0")));
  made.retention.journal = std::chrono::seconds(std::stoll(field_or(c, "journal", "0")));
  return made;
}

Script::Body Script::outside(const Command& c) {
  const std::string& who = c.words[0];
  if (c.verb == "invoke") return invoke(c);
  if (c.verb == "cancel") return wire::Cancel{.id = id(who)};
  if (c.verb == "kill") return wire::Kill{.id = id(who)};
  if (c.verb == "pause") return wire::Pause{.id = id(who)};
  if (c.verb == "resume") return wire::Resume{.id = id(who)};
  if (c.verb == "attach" || c.verb == "output-of") {
    return wire::Attach{.id = id(who),
                        .waiter = waiter(c.fields.at("waiter")),
                        .only_if_ready = c.verb == "output-of"};
  }
  if (c.verb == "signal") {
    wire::Signal signal{.id = id(who), .signal = {}, .result = wire::Void{}};
    if (std::isdigit(c.words[1][0])) {
      signal.signal = number(c.words[1]);
    } else {
      signal.signal = c.words[1];
    }
    if (c.words.size() > 2) signal.result = wire::Value{.content = c.words[2]};
    return signal;
  }
  if (c.verb == "respond") {
    return wire::Respond{.to = waiter(who),
                         .result = processor::as_result(outcome_from(c.words[1]))};
  }
  wire::PatchState patch{.target = target_from(who),
                         .expected_version = field_or(c, "version", "")};
  for (const auto& [key, value] : c.fields) {
    if (key != "version" && key != "by" && key != "at")
      patch.state.push_back({.key = key, .value = value});
  }
  return patch;
}

Script::Body Script::step(const Command& c) {
  by_leader_ = true;
  const std::string& who = c.words[0];
  if (c.verb == "pin") {
    return wire::Pin{.id = id(who),
                     .deployment = {.ulid = {.high = 7, .low = 7}},
                     .protocol_version = number(field_or(c, "v", "6"))};
  }
  if (c.verb == "ran") {
    return wire::CompleteRun{
        .id = id(who), .completion_id = number(c.words[1]), .result = outcome_from(c.words[2])};
  }
  if (c.verb == "suspend") {
    std::string_view text = c.words[1];
    return wire::Suspend{.id = id(who), .awaiting = future_from(text)};
  }
  if (c.verb == "end") return wire::End{.id = id(who)};
  if (c.verb == "give-up") {
    return wire::Pause{.id = id(who),
                       .last_failure = wire::Failure{.code = 500, .message = c.words[1]}};
  }
  if (c.verb == "fail") {
    return wire::Fail{.id = id(who), .failure = std::get<wire::Failure>(outcome_from(c.words[1]))};
  }
  return entry(c);
}

Script::Body Script::housekeeping(const Command& c) {
  by_leader_ = c.verb != "announce";
  if (c.verb == "fire") {
    wire::Fire fire{.due = time_from(c.fields.at("due")), .id = id(c.words[0])};
    if (c.words[1] == "start") {
      fire.kind = wire::TimerKind::start;
    } else {
      fire.kind = wire::TimerKind::sleep;
      fire.completion_id = number(c.words[1]);
    }
    return fire;
  }
  if (c.verb == "truncate") return wire::TruncateOutbox{.through = number(c.words[0])};
  if (c.verb == "unknown") return {};
  if (c.verb == "purge") {
    wire::Purge purge{.journal_only = has(c, "journal")};
    for (const auto& name : c.words) purge.ids.push_back(id(name));
    if (has(c, "hours")) purge.hours_through = number(c.fields.at("hours")) + 1'000'000;
    return purge;
  }
  epoch_ = Epoch(number(c.fields.at("epoch")));
  seq_ = 0;
  wire::AnnounceLeader announce{.epoch = epoch_, .node = NodeId(number(c.words[0].substr(1)))};
  if (has(c, "features"))
    announce.features = static_cast<std::uint32_t>(number(c.fields.at("features")));
  return announce;
}

Script::Body Script::body(const Command& c) {
  for (const auto* verb : {"invoke", "cancel", "kill", "pause", "resume", "attach", "output-of",
                           "signal", "respond", "patch"}) {
    if (c.verb == verb) return outside(c);
  }
  for (const auto* verb : {"fire", "truncate", "purge", "announce", "unknown"}) {
    if (c.verb == verb) return housekeeping(c);
  }
  return step(c);
}

wire::Entry Script::state_entry(const Command& c) {
  const std::string key = c.words.size() > 1 ? c.words[1] : "";
  if (c.verb == "set") {
    return made(c, set_state_command,
                wire::SetStateCommand{.key = key, .value = {.content = text_from(c.words[2])}});
  }
  if (c.verb == "get") {
    return made(c, get_lazy_state_command,
                wire::GetLazyStateCommand{.key = key, .result_completion_id = number(c.words[2])});
  }
  if (c.verb == "keys") {
    return made(c, get_lazy_state_keys_command,
                wire::CompletableCommand{.result_completion_id = number(key)});
  }
  if (c.verb == "clear") return made(c, clear_state_command, wire::ClearStateCommand{.key = key});
  return made(c, clear_all_state_command, wire::CompletableCommand{});
}

wire::Entry Script::promise_entry(const Command& c) {
  const std::uint32_t completion = number(c.words[2]);
  if (c.verb == "complete-promise") {
    wire::CompletePromiseCommand complete{.key = c.words[1], .result_completion_id = completion};
    complete.completion = outcome_from(c.words[3]);
    return made(c, complete_promise_command, complete);
  }
  return made(c, c.verb == "get-promise" ? get_promise_command : peek_promise_command,
              wire::PromiseCommand{.key = c.words[1], .result_completion_id = completion});
}

// call A 1,2 B svc:S/h
wire::Entry Script::call_entry(const Command& c) {
  const wire::Target target = target_from(c.words[3]);
  const wire::Callee callee{.id = names_.id(c.words[2], &target), .target = target};
  const std::uint32_t first = number(c.words[1]);
  wire::Entry entry;
  if (c.verb == "call") {
    entry = made(c, call_command,
                 wire::CallCommand{.parameter = field_or(c, "input", ""),
                                   .invocation_id_notification_idx = first,
                                   .result_completion_id = first + 1});
  } else {
    wire::OneWayCallCommand call{.parameter = field_or(c, "input", ""),
                                 .invocation_id_notification_idx = first};
    if (has(c, "due")) {
      call.invoke_time =
          static_cast<std::uint64_t>(time_from(c.fields.at("due")).time_since_epoch().count());
    }
    entry = made(c, one_way_call_command, call);
  }
  entry.callee = callee;
  return entry;
}

wire::Entry Script::other_entry(const Command& c) {
  if (c.verb == "run") {
    return made(c, run_command,
                wire::CompletableCommand{.result_completion_id = number(c.words[1])});
  }
  if (c.verb == "sleep") {
    return made(c, sleep_command,
                wire::SleepCommand{.wake_up_time = static_cast<std::uint64_t>(
                                       time_from(c.fields.at("until")).time_since_epoch().count()),
                                   .result_completion_id = number(c.words[1])});
  }
  if (c.verb == "send-signal") {
    wire::SendSignalCommand send{
        .target_invocation_id = id(c.words[1]).text(), .signal = {}, .result = {}};
    if (std::isdigit(c.words[2][0])) {
      send.signal = number(c.words[2]);
    } else {
      send.signal = c.words[2];
    }
    send.result = wire::Void{};
    return made(c, send_signal_command, send);
  }
  if (c.verb == "resolve") {  // resolve A B 17 value
    const wire::AwakeableId awakeable{.invocation = id(c.words[1]), .signal = number(c.words[2])};
    wire::CompleteAwakeableCommand complete{.awakeable_id = awakeable.text()};
    complete.result = outcome_from(c.words[3]);
    return made(c, complete_awakeable_command, complete);
  }
  wire::AttachCommand attach{.target = {}, .result_completion_id = number(c.words[2])};
  attach.target.emplace<1>(id(c.words[1]).text());
  return made(c, c.verb == "attach-to" ? attach_invocation_command : get_invocation_output_command,
              attach);
}

wire::Entry Script::entry(const Command& c) {
  for (const auto* verb : {"set", "get", "keys", "clear", "clear-all"}) {
    if (c.verb == verb) return state_entry(c);
  }
  if (c.verb.ends_with("promise")) return promise_entry(c);
  if (c.verb == "call" || c.verb == "send") return call_entry(c);
  if (c.verb == "output") {
    wire::OutputCommand output;
    output.result = outcome_from(c.words.size() > 1 ? c.words[1] : "");
    return made(c, output_command, output);
  }
  return other_entry(c);
}

}  // namespace
}  // namespace tests

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  tests::Script script;
  return tests::run_script(argv[1], rewrite, [&](const auto& c) { return script.answer(c); });
}
