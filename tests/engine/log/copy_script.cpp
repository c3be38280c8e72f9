// Offers records to one Copy.  Verbs: copy (sets it: staged, committed, trim, sealed, replaced,
// writer), offer (first, last, committed, from, repair) and takes them when they are taken.
#include "engine/log/copy.h"

#include <algorithm>

#include "tests/support/script.h"

namespace perdure::log {
namespace {

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "copy") {
      copy_ = {.trim_point = Offset(number(c, "trim")),
               .staged = Offset(number(c, "staged")),
               .committed = Offset(number(c, "committed")),
               .sealed = number(c, "sealed") != 0,
               .replaced = number(c, "replaced") != 0,
               .writer = std::nullopt};
      if (number(c, "writer") != 0) copy_.writer = writer(number(c, "writer"));
      return show();
    }
    if (c.verb != "offer") return "no such verb: " + c.verb + "\n";
    const Offer offer{.writer = writer(number(c, "from")),
                      .first = Offset(number(c, "first")),
                      .last = Offset(number(c, "last")),
                      .committed = Offset(number(c, "committed")),
                      .repair = number(c, "repair") != 0};
    const Verdict verdict = judge(copy_, offer);
    if (verdict != Verdict::take) return std::string(name_of(verdict)) + "\n";
    copy_.staged = std::max(copy_.staged, offer.last);
    if (offer.repair) {
      copy_.sealed = true;
    } else {
      copy_.committed = std::max(copy_.committed, offer.committed);
      copy_.writer = offer.writer;
    }
    return show();
  }

 private:
  static Writer writer(std::uint64_t n) { return {NodeId(n), Incarnation(1)}; }
  static std::uint64_t number(const tests::Command& c, const std::string& field) {
    const auto found = c.fields.find(field);
    return found == c.fields.end() ? 0 : std::stoull(found->second);
  }
  std::string show() const {
    return "staged " + std::to_string(copy_.staged.raw()) + ", knows " +
           std::to_string(copy_.committed.raw()) + " committed\n";
  }

  Copy copy_;
};

}  // namespace
}  // namespace perdure::log

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::log::Bench());
}
