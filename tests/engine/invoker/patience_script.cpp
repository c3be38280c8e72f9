// Drives one Patience from text; times are seconds since the attempt began.  Verbs:
//   open inactivity=60 abort=600 closing
//   word at=S        either side said something
//   ask at=S journaling
#include "engine/invoker/patience.h"

#include <algorithm>
#include <optional>

#include "tests/support/script.h"

namespace perdure::invoker {
namespace {

using std::chrono::seconds;

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    const auto has = [&](const char* word) {
      return std::ranges::find(c.words, word) != c.words.end();
    };
    const auto number = [&](const char* name) { return seconds(std::stol(c.fields.at(name))); };
    if (c.verb == "open") {
      patience_.emplace(
          Patience::Limits{.inactivity = number("inactivity"), .abort = number("abort")},
          has("closing"), Instant());
    } else if (c.verb == "word") {
      patience_->word(Instant() + number("at"));
    } else if (c.verb == "ask") {
      const Impatience answer = patience_->expired(Instant() + number("at"), has("journaling"));
      return std::string(name_of(answer)) + until();
    } else {
      return "no such verb: " + c.verb + "\n";
    }
    return "ok" + until();
  }

 private:
  static std::string_view name_of(Impatience answer) {
    switch (answer) {
      case Impatience::wait_on: return "wait on";
      case Impatience::ask_to_suspend: return "ask to suspend";
      case Impatience::give_up: return "give up";
    }
    return "?";
  }
  std::string until() const {
    if (patience_->deadline() == Instant::max()) return ", never\n";
    const auto at = std::chrono::duration_cast<seconds>(patience_->deadline() - Instant());
    return ", ask again at " + std::to_string(at.count()) + "\n";
  }

  std::optional<Patience> patience_;
};

}  // namespace
}  // namespace perdure::invoker

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::invoker::Bench());
}
