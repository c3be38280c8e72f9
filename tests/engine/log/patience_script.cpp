// Tells one Patience what a node's answers took.  Verbs: patience (a new one), answered (after,
// in milliseconds; times, 1 when left out), failed (times).
#include "engine/log/patience.h"

#include "tests/support/script.h"

namespace perdure::log {
namespace {

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "patience") {
      patience_ = {};
    } else if (c.verb == "answered") {
      const auto after = std::chrono::milliseconds(std::stoll(c.fields.at("after")));
      for (int i = 0; i < times(c); ++i) patience_.answered(after);
    } else if (c.verb == "failed") {
      for (int i = 0; i < times(c); ++i) patience_.failed();
    } else {
      return "no such verb: " + c.verb + "\n";
    }
    return "hedge after " + ms(patience_.hedge_after()) + ", resend after " +
           ms(patience_.resend_after()) + "\n";
  }

 private:
  static int times(const tests::Command& c) {
    const auto found = c.fields.find("times");
    return found == c.fields.end() ? 1 : std::stoi(found->second);
  }
  static std::string ms(Duration d) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
  }

  Patience patience_;
};

}  // namespace
}  // namespace perdure::log

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::log::Bench());
}
