#include "faults/fault.h"

#include "faults/catalogue.h"

namespace perdure::faults {

namespace {

// "n1" for who, "key=value" for the rest; what is absent or false is left out.
struct Words {
  std::string& text;
  void operator()(std::string_view name, const std::string& value) const {
    const bool who = name == "host" || name == "from" || name == "to" || name == "side";
    if (!value.empty()) text += who ? " " + value : " " + std::string(name) + "=" + value;
  }
  void operator()(std::string_view name, Duration value) const { add(name, show(value)); }
  void operator()(std::string_view name, bool value) const {
    if (value) text += " " + std::string(name);
  }
  void operator()(std::string_view name, std::uint32_t value) const {
    add(name, std::to_string(value));
  }
  void operator()(std::string_view name, std::uint64_t value) const {
    add(name, std::to_string(value));
  }
  void operator()(std::string_view name, const std::optional<std::uint64_t>& value) const {
    if (value) add(name, std::to_string(*value));
  }
  void add(std::string_view name, const std::string& value) const {
    text += " " + std::string(name) + "=" + value;
  }
};

struct FindLasting {
  Duration*& found;
  void operator()(std::string_view name, Duration& value) const {
    if (name == "lasts" || name == "restart_after") found = &value;
  }
  template <class Other>
  void operator()(std::string_view, Other&) const {}
};

}  // namespace

Kind kind_of(const Fault& fault) {
  return std::visit([](const auto& f) { return f.kind; }, fault);
}

Duration* lasting(Fault& fault) {
  Duration* found = nullptr;
  std::visit([&](auto& f) { f.fields(f, FindLasting{found}); }, fault);
  return found;
}

std::string show(Duration span) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  if (micros % 1000 == 0) return std::to_string(micros / 1000) + "ms";
  return std::to_string(micros) + "us";
}

std::string show(const Fault& fault) {
  return std::visit(
      [](const auto& f) {
        std::string text(f.name);
        f.fields(f, Words{text});
        return text;
      },
      fault);
}

std::string show(const Misfortune& misfortune) {
  const std::string fault = " " + show(misfortune.fault);
  if (misfortune.on_event == 0 && misfortune.on_mark.empty()) {
    return "at " + show(misfortune.at) + fault;
  }
  std::string text = misfortune.on_mark.empty()
                         ? "on event " + std::to_string(misfortune.on_event)
                         : "on " + misfortune.on_mark + " number " + std::to_string(misfortune.nth);
  if (misfortune.at.count() > 0) text += ", " + show(misfortune.at) + " later:";
  return text + fault;
}

std::string show(const Mishap& mishap) {
  return std::string(entry(mishap.kind).name) + " " + mishap.where + " number " +
         std::to_string(mishap.ordinal);
}

}  // namespace perdure::faults
