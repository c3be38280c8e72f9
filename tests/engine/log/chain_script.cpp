// Drives one Chain from text.  Verbs: begin, seal, extend, trim, where.
#include "engine/log/chain.h"

#include <sstream>

#include "tests/support/script.h"

namespace perdure::log {
namespace {

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "where") return where(Lsn(number(c, "lsn")));
    auto changed = change(c);
    if (!changed) {
      return std::string(name_of(changed.error().code)) + ": " + changed.error().detail + "\n";
    }
    chain_ = std::move(*changed);
    if (auto checked = check_chain(chain_); !checked) return checked.error().detail + "\n";
    return show();
  }

 private:
  static std::uint64_t number(const tests::Command& c, const std::string& field) {
    return std::stoull(c.fields.at(field));
  }

  Result<Chain> change(const tests::Command& c) const {
    if (c.verb == "begin") return begun(chain_, loglet(c));
    if (c.verb == "seal") {
      return sealed(chain_, LogletId(number(c, "expected")), Lsn(number(c, "tail")));
    }
    if (c.verb == "extend") return extended(chain_, LogletId(number(c, "expected")), loglet(c));
    if (c.verb == "trim") return trimmed(chain_, Lsn(number(c, "to")));
    return fail(Code::invalid, "no such verb");
  }

  static Loglet loglet(const tests::Command& c) {
    return {.id = LogletId(number(c, "id")),
            .base = Lsn(number(c, "base")),
            .nodeset = {{NodeId(1), {}, {}}}};
  }

  std::string where(Lsn lsn) const {
    const auto spot = spot_of(chain_, lsn);
    if (!spot) return "nowhere\n";
    return "loglet " + std::to_string(chain_.loglets[spot->loglet].id.raw()) + ", offset " +
           std::to_string(spot->offset.raw()) + "\n";
  }

  std::string show() const {
    std::ostringstream out;
    for (std::size_t i = 0; i < chain_.loglets.size(); ++i) {
      const Lsn tail = tail_of(chain_, i);
      out << chain_.loglets[i].id.raw() << ": from " << chain_.loglets[i].base.raw();
      if (tail == Lsn(0)) {
        out << ", open\n";
      } else {
        out << " to before " << tail.raw() << '\n';
      }
    }
    if (chain_.trim_point != Lsn(0)) out << "trimmed to " << chain_.trim_point.raw() << '\n';
    return out.str();
  }

  Chain chain_;
};

}  // namespace
}  // namespace perdure::log

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::log::Bench());
}
