// Drives one Conversation from text.  Verbs:
//   open version=6 type=service|object|workflow|shared pinned=no listens=yes limit=N WORD…
//       (the words are the journal that is replayed; "input:x" if there is none)
//   hear WORD…        in one piece: what the handler says, see words.h
//   stored index=N WORD…
//   closed
#include "engine/invoker/conversation.h"

#include <optional>
#include <sstream>

#include "engine/base/match.h"
#include "tests/engine/invoker/schema_of_tests.h"
#include "tests/engine/invoker/words.h"
#include "tests/support/counting_random.h"
#include "tests/support/script.h"

namespace perdure::invoker {
namespace {

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "open") return open(c);
    if (c.verb == "hear") return show(conversation_->received(bytes(c), around_));
    if (c.verb == "closed") return show(conversation_->closed());
    if (c.verb == "stored") {
      const auto index = static_cast<std::uint32_t>(std::stoul(c.fields.at("index")));
      const auto news = conversation_->stored(index, bytes(c));
      if (!news) return "refused: " + news.error().detail + "\n";
      return news->empty() ? "nothing to say\n" : indented("tell ", tests::show_frames(*news));
    }
    return "no such verb: " + c.verb + "\n";
  }

 private:
  static std::string field(const tests::Command& c, const std::string& name,
                           std::string otherwise) {
    const auto found = c.fields.find(name);
    return found == c.fields.end() ? std::move(otherwise) : found->second;
  }

  std::string bytes(const tests::Command& c) const {
    std::string out;
    for (const std::string& word : c.words) out += tests::frame_of(word, version_);
    return out;
  }

  std::string open(const tests::Command& c) {
    version_ = static_cast<std::uint32_t>(std::stoul(field(c, "version", "6")));
    ConversationSetup setup{.id = tests::caller_id(),
                            .target = tests::target_of_type(field(c, "type", "service")),
                            .version = version_,
                            .listens = field(c, "listens", "yes") == "yes"};
    if (field(c, "pinned", "yes") == "no") {
      setup.pin = wire::Pin{
          .id = setup.id, .deployment = tests::deployment_id(), .protocol_version = version_};
    }
    if (c.fields.contains("limit")) {
      setup.payload_max = static_cast<std::uint32_t>(std::stoul(c.fields.at("limit")));
    }
    conversation_.emplace(setup);
    const std::string journal = c.words.empty() ? tests::frame_of("input:x", version_) : bytes(c);
    const auto entries = static_cast<std::uint32_t>(std::max<std::size_t>(c.words.size(), 1));
    const auto opened = conversation_->opening(journal, entries);
    return opened ? "ok\n" : "refused: " + opened.error().detail + "\n";
  }

  static std::string indented(const std::string& with, const std::string& lines) {
    std::istringstream in(lines);
    std::string out;
    for (std::string line; std::getline(in, line);) out += with + line + "\n";
    return out;
  }

  static std::string show(const wire::Command& command) {
    const auto* entry = std::get_if<wire::Entry>(&command.body);
    std::string out = "propose " + std::string(wire::name_of(command));
    if (entry) {
      out.append(" ").append(wire::name_of(entry->type));
      if (entry->callee) {
        out.append(" -> ").append(entry->callee->target.text()).append(" ");
        out.append(tests::name_of_id(entry->callee->id));
      }
    }
    if (const auto* pin = std::get_if<wire::Pin>(&command.body)) {
      out.append(" version ").append(std::to_string(pin->protocol_version));
    }
    if (const auto* run = std::get_if<wire::CompleteRun>(&command.body)) {
      out.append(" ").append(std::to_string(run->completion_id));
    }
    if (const auto* suspend = std::get_if<wire::Suspend>(&command.body)) {
      out.append(" on ").append(wire::show(suspend->awaiting));
    }
    return out + "\n";
  }

  static std::string show(const ConversationEffects& effects) {
    std::string out;
    for (const wire::Command& command : effects.propose) out += show(command);
    if (effects.end) {
      out += match(
          *effects.end, [](const HandlerDone&) { return std::string("over: done\n"); },
          [](const HandlerSuspended&) { return std::string("over: suspended\n"); },
          [](const AttemptFailure& why) {
            std::string text = "over: failed " + why.restate_code + " " + why.text();
            if (why.next_retry_delay) {
              text += ", again in " + std::to_string(why.next_retry_delay->count()) + " ms";
            }
            if (why.behavior == wire::ErrorBehavior::pause) text += ", wants a pause";
            if (why.behavior == wire::ErrorBehavior::fail) text += ", wants to fail";
            if (!why.counted) text += ", not counted";
            return text + "\n";
          });
    }
    return out.empty() ? "nothing\n" : out;
  }

  std::uint32_t version_ = 6;
  std::optional<Conversation> conversation_;
  tests::CountingRandom random_;
  const wire::Schema schema_ = tests::schema();
  const wire::EffectiveOptions defaults_;
  const Surroundings around_{.schema = schema_,
                             .defaults = defaults_,
                             .now = WallTime(std::chrono::milliseconds(1'700'000'000'000)),
                             .random = random_};
};

}  // namespace
}  // namespace perdure::invoker

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::invoker::Bench());
}
