// Drives one Replay from text.  Verbs:
//   open version=6 state=k~v,l~w partial=no WORD…
//       (the words are the journal that is replayed; "input:x" if there is none)
//   hear WORD…   closed              from the server
//   get k  keys  set k [v]  clear k  clearall  sleep MS [NAME]  run NAME  due ID  ran ID VALUE
//   ran ID fail=CODE  call Svc/handler VALUE  send Svc/handler VALUE [at=MS]  awakeable
//   promise k  peek k  resolve k VALUE  cancel INV  attach INV  end VALUE  end fail=CODE
//   fail CODE MESSAGE                the handler
//   wait TREE    wait_in_any_case TREE
//       TREE: 1  s17  nNAME  race(…)  any(…)  all(…)  settled(…)
//
// Journal words are those of tests/engine/invoker/words.h, and what is heard:
//   done:2~value  done:2  failed:2~409  signal:17~value  named:NAME~value  cancel  ack:1
#include "sdk/replay.h"

#include <algorithm>

#include "engine/base/match.h"
#include "engine/wire/ids.h"
#include "tests/engine/invoker/words.h"
#include "tests/support/script.h"

namespace perdure::sdk {
namespace {

using tests::words::number;
using tests::words::split;
using wire::MessageType;

std::string heard(MessageType type, const wire::Notification& said) {
  std::string out;
  wire::put_message(out, type, said);
  return out;
}

wire::NotificationResult value_or_void(std::string_view text) {
  if (text.empty()) return wire::Void();
  return wire::Value{.content = std::string(text)};
}

std::string frame(std::string_view word, std::uint32_t version) {
  const auto [verb, rest] = split(word, ':');
  const auto [id, content] = split(rest, '~');
  const auto done = [&](wire::NotificationResult result) {
    return heard(MessageType::call_completion,
                 wire::Notification::of_completion(number(id), std::move(result)));
  };
  if (verb == "done") return done(value_or_void(content));
  if (verb == "failed") return done(wire::Failure{.code = number(content), .message = "no"});
  if (verb == "signal") {
    return heard(MessageType::signal_notification,
                 wire::Notification::of_signal(number(id), value_or_void(content)));
  }
  if (verb == "named") {
    return heard(MessageType::signal_notification,
                 wire::Notification::of_named_signal(id, value_or_void(content)));
  }
  if (verb == "cancel") {
    return heard(MessageType::signal_notification,
                 wire::Notification::of_signal(wire::cancel_signal, wire::Void()));
  }
  if (verb == "ack") {
    std::string out;
    wire::put_message(out, MessageType::propose_run_completion_ack,
                      wire::ProposeRunCompletionAckMessage{.completion_id = number(id)});
    return out;
  }
  return tests::frame_of(word, version);
}

wire::Future tree(std::string_view& rest) {
  using wire::Combinator;
  const std::size_t end = std::min(rest.find_first_of(",()"), rest.size());
  const std::string word(rest.substr(0, end));
  rest.remove_prefix(end);
  if (!rest.starts_with("(")) {
    if (word.starts_with("s")) return {.signals = {number(word.substr(1))}};
    if (word.starts_with("n")) return {.named_signals = {word.substr(1)}};
    return {.completions = {number(word)}};
  }
  wire::Future made{.combinator = Combinator::first_completed};
  if (word == "any") made.combinator = Combinator::first_succeeded_or_all_failed;
  if (word == "all") made.combinator = Combinator::all_succeeded_or_first_failed;
  if (word == "settled") made.combinator = Combinator::all_completed;
  while (!rest.empty() && !rest.starts_with(")")) {
    rest.remove_prefix(1);
    made.nested.push_back(tree(rest));
  }
  if (!rest.empty()) rest.remove_prefix(1);
  return made;
}
wire::Future tree_of(std::string_view text) { return tree(text); }

// Shows whether a value is there, also an empty one.
struct SetState {
  std::string key;
  std::optional<wire::Value> value;
  static constexpr auto fields =
      std::tuple(wire::field(1, "key", &SetState::key), wire::field(3, "value", &SetState::value));
};
struct EagerKeys {
  std::optional<wire::StateKeys> value;
  static constexpr auto fields = std::tuple(wire::field(14, "value", &EagerKeys::value));
};

template <class T>
std::string shown(std::string_view payload) {
  return wire::show(*wire::decode<T>(payload));
}

std::string shown(const wire::FrameView& said) {
  const std::string_view p = said.payload;
  switch (said.header.type) {
    case MessageType::error: return shown<wire::ErrorMessage>(p);
    case MessageType::suspension: return shown<wire::SuspensionMessage>(p);
    case MessageType::propose_run_completion: return shown<wire::ProposeRunCompletionMessage>(p);
    case MessageType::output_command: return shown<wire::OutputCommand>(p);
    case MessageType::get_lazy_state_command: return shown<wire::GetLazyStateCommand>(p);
    case MessageType::get_eager_state_command: return shown<wire::GetEagerStateCommand>(p);
    case MessageType::set_state_command: return shown<SetState>(p);
    case MessageType::get_eager_state_keys_command: return shown<EagerKeys>(p);
    case MessageType::clear_state_command: return shown<wire::ClearStateCommand>(p);
    case MessageType::get_promise_command:
    case MessageType::peek_promise_command: return shown<wire::PromiseCommand>(p);
    case MessageType::complete_promise_command: return shown<wire::CompletePromiseCommand>(p);
    case MessageType::sleep_command: return shown<wire::SleepCommand>(p);
    case MessageType::call_command: return shown<wire::CallCommand>(p);
    case MessageType::one_way_call_command: return shown<wire::OneWayCallCommand>(p);
    case MessageType::send_signal_command: return shown<wire::SendSignalCommand>(p);
    case MessageType::attach_invocation_command: return shown<wire::AttachCommand>(p);
    case MessageType::run_command:
    case MessageType::clear_all_state_command:
    case MessageType::get_lazy_state_keys_command: return shown<wire::CompletableCommand>(p);
    default: return "";
  }
}

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    std::string out = c.verb == "open" ? open(c) : handler(c);
    std::string said = replay_->take();
    std::string_view rest = said;
    while (const auto next = wire::next_frame(rest)) {
      out.append("say ").append(wire::name_of(next->header.type)).append(" ").append(shown(*next));
      if (next->header.flags != 0) out += " and acknowledge it";
      out += "\n";
    }
    if (replay_->over() && !told_over_) {
      told_over_ = true;
      out += "over\n";
    }
    return out.empty() ? "nothing\n" : out;
  }

 private:
  static std::string field(const tests::Command& c, const std::string& name) {
    const auto found = c.fields.find(name);
    return found == c.fields.end() ? std::string() : found->second;
  }

  std::string frames(const tests::Command& c) const {
    std::string out;
    for (const std::string& word : c.words) out += frame(word, version_);
    return out;
  }

  std::string open(const tests::Command& c) {
    const std::string version = field(c, "version");
    version_ = version.empty() ? 6 : number(version);
    told_over_ = false;
    replay_.emplace(version_);
    wire::StartMessage start{
        .id = wire::InvocationId{.partition_key = 1, .uuid = {2, 3}}.bytes(),
        .debug_id = "inv_x",
        .known_entries = static_cast<std::uint32_t>(std::max<std::size_t>(c.words.size(), 1)),
        .partial_state = field(c, "partial") == "yes"};
    std::string state = field(c, "state");
    while (!state.empty()) {
      const auto [entry, others] = split(state, ',');
      const auto [key, value] = split(entry, '~');
      start.state_map.push_back({key, value});
      state = others;
    }
    std::string bytes;
    wire::put_message(bytes, MessageType::start, start);
    bytes += c.words.empty() ? tests::frame_of("input:x", version_) : frames(c);
    for (const char byte : bytes) replay_->received(std::string_view(&byte, 1));
    return replay_->ready() ? "ready\n" : "not ready\n";
  }

  Replay::Answer answer(const tests::Command& c, std::size_t place) const {
    const std::string code = field(c, "fail");
    if (!code.empty()) return wire::Failure{.code = number(code), .message = "no"};
    return c.words.size() > place ? c.words[place] : std::string();
  }

  static std::string known(const MaybeBytes& bytes) {
    return bytes ? "is " + *bytes + "\n" : "is not there\n";
  }
  static std::string number_is(std::uint32_t id) { return "number " + std::to_string(id) + "\n"; }

  static std::string outcome(Replay::Wait how) {
    switch (how) {
      case Replay::Wait::ready: return "ready";
      case Replay::Wait::cancelled: return "cancelled\n";
      case Replay::Wait::not_yet: return "not yet\n";
      case Replay::Wait::over: return "";
    }
    UNREACHABLE();
  }

  std::string wait(const wire::Future& tree, Replay::Wait how) const {
    std::string out = outcome(how);
    if (how != Replay::Wait::ready) return out;
    const Replay::Outcome known = *replay_->outcome(tree);
    if (!known.succeeded) out += ", failed";
    if (!tree.nested.empty()) {
      return out + ", decided by the " + std::to_string(known.heard) + ". that was heard\n";
    }
    return out + match(
                     replay_->result(tree), [](const std::monostate&) { return std::string("\n"); },
                     [](const wire::Void&) { return std::string(": void\n"); },
                     [](const wire::Value& value) { return ": " + value.content + "\n"; },
                     [](const wire::Failure& failure) {
                       return ": " + std::to_string(failure.code) + "\n";
                     },
                     [](const std::string& id) { return ": " + id + "\n"; },
                     [](const wire::StateKeys& keys) { return wire::show(keys) + "\n"; });
  }

  CallRequest request(const tests::Command& c) const {
    const auto called = tests::words::called(c.words[0]);
    return {.service = called.service,
            .handler = called.handler,
            .key = called.key,
            .parameter = c.words.size() > 1 ? c.words[1] : ""};
  }

  std::string handler(const tests::Command& c) {
    Replay& r = *replay_;
    const auto& w = c.words;
    if (c.verb == "hear") return r.received(frames(c)), "";
    if (c.verb == "closed") return r.closed(), "";
    if (c.verb == "wait") return wait(tree_of(w[0]), r.wait(tree_of(w[0])));
    if (c.verb == "wait_in_any_case") {
      return wait(tree_of(w[0]), r.wait_in_any_case(tree_of(w[0])));
    }
    if (c.verb == "get") {
      const auto found = r.get(w[0]);
      const auto* id = std::get_if<CompletionId>(&found);
      return id ? number_is(*id) : known(std::get<MaybeBytes>(found));
    }
    if (c.verb == "keys") {
      const auto found = r.state_keys();
      if (const auto* id = std::get_if<CompletionId>(&found)) return number_is(*id);
      std::string out = "keys";
      for (const auto& key : std::get<std::vector<std::string>>(found)) out += " " + key;
      return out + "\n";
    }
    if (c.verb == "set") return r.set(w[0], w.size() > 1 ? w[1] : ""), "";
    if (c.verb == "clear") return r.clear(w[0]), "";
    if (c.verb == "clearall") return r.clear_all(), "";
    if (c.verb == "sleep") {
      return number_is(
          r.sleep(WallTime(std::chrono::milliseconds(number(w[0]))), w.size() > 1 ? w[1] : ""));
    }
    if (c.verb == "run") return number_is(r.run(w.empty() ? "" : w[0]));
    if (c.verb == "due") return r.run_is_due(number(w[0])) ? "due\n" : "not due\n";
    if (c.verb == "ran") return r.ran(number(w[0]), answer(c, 1)), "";
    if (c.verb == "call") {
      const Replay::Called ids = r.call(request(c));
      return "numbers " + std::to_string(ids.invocation_id) + " and " + std::to_string(ids.result) +
             "\n";
    }
    if (c.verb == "send") {
      const std::string at = field(c, "at");
      std::optional<WallTime> when;
      if (!at.empty()) when = WallTime(std::chrono::milliseconds(number(at)));
      return number_is(r.send(request(c), when));
    }
    if (c.verb == "awakeable") {
      const std::uint32_t signal = r.awakeable();
      return "signal " + std::to_string(signal) + ", " + r.awakeable_id(signal) + "\n";
    }
    if (c.verb == "promise") return number_is(r.promise(w[0]));
    if (c.verb == "peek") return number_is(r.peek_promise(w[0]));
    if (c.verb == "resolve") return number_is(r.complete_promise(w[0], answer(c, 1)));
    if (c.verb == "cancel") return r.cancel(w[0]), "";
    if (c.verb == "attach") return number_is(r.attach(w[0]));
    if (c.verb == "end") return r.end(answer(c, 0)), "";
    if (c.verb == "fail") return r.fail_attempt(number(w[0]), w[1]), "";
    return "no such verb: " + c.verb + "\n";
  }

  std::uint32_t version_ = 6;
  bool told_over_ = false;
  std::optional<Replay> replay_;
};

}  // namespace
}  // namespace perdure::sdk

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::sdk::Bench());
}
