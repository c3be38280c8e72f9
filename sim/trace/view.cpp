#include "sim/trace/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace perdure::sim::trace {

namespace {

struct Look {
  std::string_view sign;
  std::string_view colour;  // ANSI
};

constexpr std::string_view plain = "", dim = "2", red = "31", green = "32", yellow = "33",
                           blue = "34", magenta = "35", cyan = "36", bold_red = "1;31";

Look look_of(const Moment& moment) {
  switch (moment.what) {
    case What::turn: return {"·", dim};
    case What::timer: return {"◷", dim};
    case What::spawn: return {"+", dim};
    case What::resume: return {"│", dim};
    case What::park: return {"‖", dim};
    case What::cancel: return {"⊗", dim};
    case What::send: return {"→", dim};
    case What::arrive: return {"←", dim};
    case What::drop: return {"✂", yellow};
    case What::disk:
    case What::tables:
    case What::objects: return {"▤", dim};
    case What::fault: return {"⚡", yellow};
    case What::fault_end: return {"☼", yellow};
    case What::up: return {"▲", green};
    case What::down: return {"▼", red};
    case What::mark: break;
    case What::role: return {"★", magenta};
    case What::append: return {"⊕", blue};
    case What::commit: return {"●", blue};
    case What::seal: return {"■", magenta};
    case What::trim: return {"✁", blue};
    case What::apply: return {"✓", blue};
    case What::invoke: return {"▶", cyan};
    case What::retry: return {"↻", cyan};
    case What::answer: return {"◀", moment.b == 0 ? cyan : yellow};
    case What::check: return {"✘", bold_red};
    case What::digest: return {"#", dim};
    case What::nemesis:
    case What::workload: return {"~", dim};
  }
  switch (moment.level) {
    case io::Level::error: return {"◆", red};
    case io::Level::warn: return {"◆", yellow};
    case io::Level::info: return {"◆", plain};
    case io::Level::debug: break;
  }
  return {"◇", dim};
}

// What the loop ran says little itself: its cause knows what it was about.
const Moment& subject_of(const Story& story, const Moment& moment) {
  const bool carries = moment.what == What::arrive || moment.what == What::disk;
  if (!carries || moment.name != 0 || moment.cause == 0) return moment;
  return story.moment(moment.cause);
}

bool is_answer_of_disk(const Moment& moment) {
  return moment.what == What::disk && moment.name == 0;
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

std::string what_happened(const Story& story, const Moment& moment) {
  const Moment& about = subject_of(story, moment);
  const std::string_view name = story.text(about.name);
  std::string text = name.empty() ? std::string(name_of(moment.what)) : std::string(name);
  if (about.detail != 0) {
    const std::string detail = first_line(story.text(about.detail));
    text = detail.starts_with(name) ? detail : text + "  " + detail;  // a misfortune says its name
  }
  switch (moment.what) {
    case What::send:
    case What::drop:
      text = fmt::format("{} to {}", text, story.host_name(static_cast<std::uint32_t>(moment.a)));
      if (moment.b > 0) text += fmt::format(", {} bytes", moment.b);
      break;
    case What::arrive:
      if (about.what == What::send) {
        text = fmt::format("{} from {}", text, story.host_name(about.host));
        if (about.b > 0) text += fmt::format(", {} bytes", about.b);
      }
      break;
    case What::disk:
      if (is_answer_of_disk(moment)) text += "  done";
      break;
    case What::timer: text = "a deadline is due"; break;
    case What::turn: text = "turn"; break;
    default: break;
  }
  return text;
}

bool mentions(const Story& story, const Moment& moment, std::string_view text) {
  return story.text(moment.detail).find(text) != std::string_view::npos ||
         story.text(moment.name).find(text) != std::string_view::npos;
}

// Moments that mention the text, and the chain of causes that leads from one of them
// to the next.
std::vector<bool> followed(const Story& story, std::string_view text) {
  constexpr int patience = 200;  // steps of a chain
  std::vector<bool> in(story.size() + 1, false);
  for (std::uint64_t number = 1; number <= story.size(); ++number) {
    if (!mentions(story, story.moment(number), text)) continue;
    in[number] = true;
    std::vector<std::uint64_t> chain;
    std::uint64_t at = story.moment(number).cause;
    for (int steps = 0; at != 0 && !in[at] && steps < patience; ++steps) {
      chain.push_back(at);
      at = story.moment(at).cause;
    }
    if (at == 0 || !in[at]) continue;
    for (const std::uint64_t link : chain) in[link] = true;
  }
  return in;
}

std::string coloured(std::string_view text, std::string_view colour, bool on) {
  if (!on || colour.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", colour, text);
}

}  // namespace

bool is_transition(What what) {
  switch (what) {
    case What::fault:
    case What::fault_end:
    case What::up:
    case What::down:
    case What::mark:
    case What::role:
    case What::seal:
    case What::trim:
    case What::invoke:
    case What::retry:
    case What::answer:
    case What::check: return true;
    default: return false;
  }
}

Result<void> choose_kinds(Choice& choice, std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view name = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (name == "all") {
      choice.all_kinds = true;
      continue;
    }
    const auto what = what_of(name);
    if (!what) {
      std::string known = "all";
      for (std::size_t i = 0; i < what_count; ++i) {
        known += ", " + std::string(name_of(static_cast<What>(i)));
      }
      return fail(Code::invalid, fmt::format("no kind is called '{}'; there are: {}", name, known));
    }
    choice.kinds.insert(*what);
  }
  return {};
}

std::vector<std::uint64_t> chosen(const Story& story, const Choice& choice) {
  const std::vector<bool> in =
      choice.follow.empty() ? std::vector<bool>() : followed(story, choice.follow);
  // Near one event, or along one thing, everything counts unless said otherwise.
  const bool all = choice.all_kinds || (choice.kinds.empty() && (choice.around > 0 || !in.empty()));
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = 1; number <= story.size(); ++number) {
    const Moment& moment = story.moment(number);
    if (!in.empty() && !in[number]) continue;
    const bool kind = all || (choice.kinds.empty() ? is_transition(moment.what)
                                                   : choice.kinds.contains(moment.what));
    if (!kind) continue;
    if (choice.around > 0 && (moment.event + choice.span < choice.around ||
                              moment.event > choice.around + choice.span)) {
      continue;
    }
    if (!choice.nodes.empty() &&
        !choice.nodes.contains(std::string(story.host_name(place_of(story, moment))))) {
      continue;
    }
    if (!choice.name.empty() && !mentions(story, moment, choice.name)) continue;
    numbers.push_back(number);
  }
  return numbers;
}

std::uint32_t place_of(const Story& story, const Moment& moment) {
  if (moment.what != What::arrive || moment.host != 0 || moment.cause == 0) return moment.host;
  const Moment& cause = story.moment(moment.cause);
  const bool known = cause.what == What::send && cause.a < story.hosts.size();
  return known ? static_cast<std::uint32_t>(cause.a) : moment.host;
}

std::string who_of(const Story& story, const Moment& moment) {
  const std::uint32_t host = place_of(story, moment);
  if (host == 0) return "";
  std::string who(story.host_name(host));
  if (host < story.hosts.size() && story.hosts[host].helper) return who;
  if (moment.incarnation > 0) who += fmt::format(".{}", moment.incarnation);
  if (host < story.hosts.size() && story.hosts[host].shards > 1) {
    who += fmt::format("/{}", moment.shard);
  }
  return who;
}

std::string line_of(const Story& story, std::uint64_t number, bool colour) {
  const Moment& moment = story.moment(number);
  const Look look = look_of(moment);
  return fmt::format(
      "{:>12.6f} {:>8}  {:<10} {}", static_cast<double>(moment.at) / 1e9, moment.event,
      who_of(story, moment),
      coloured(fmt::format("{} {}", look.sign, what_happened(story, moment)), look.colour, colour));
}

std::string words_of(const Story& story, std::uint64_t number) {
  const Moment& moment = story.moment(number);
  const std::string what = what_happened(story, moment);
  const std::string who = who_of(story, moment);
  switch (moment.what) {
    case What::turn: return fmt::format("{} took a turn", who);
    case What::timer: return fmt::format("a deadline of {} was due", who);
    case What::spawn: return fmt::format("it started the fiber '{}'", what);
    case What::resume: return fmt::format("the fiber '{}' of {} ran on", what, who);
    case What::park: return fmt::format("the fiber '{}' of {} stopped", what, who);
    case What::cancel: return fmt::format("it told the fiber '{}' to give up", what);
    case What::send: return fmt::format("{} sent {}", who, what);
    case What::arrive: return fmt::format("{} was reached by {}", who, what);
    case What::drop: return fmt::format("lost on its way: {}", what);
    case What::disk:
      return is_answer_of_disk(moment) ? fmt::format("the disk of {} answered: {}", who, what)
                                       : fmt::format("{} asked its disk: {}", who, what);
    case What::tables: return fmt::format("the tables of {} answered", who);
    case What::objects: return fmt::format("the bucket answered {}", who);
    case What::fault: return fmt::format("misfortune: {}", what);
    case What::fault_end: return fmt::format("over: {}", what);
    case What::up: return fmt::format("{} started", who);
    case What::down: return fmt::format("{}: {}", who, story.text(moment.detail));
    case What::invoke: return fmt::format("{} asked: {}", who, what);
    case What::retry: return fmt::format("{} asked again: {}", who, what);
    case What::answer: return fmt::format("{} was told: {}", who, what);
    case What::check: return fmt::format("wrong: {}", what);
    case What::nemesis: return "the nemesis acted";
    default: return fmt::format("{} said {}", who, what);
  }
}

std::string json_of(const Story& story, std::uint64_t number) {
  const Moment& moment = story.moment(number);
  nlohmann::ordered_json json = {
      {"n", number}, {"event", moment.event}, {"at_ns", moment.at}, {"kind", name_of(moment.what)}};
  if (moment.cause != 0) json["cause"] = moment.cause;
  const std::uint32_t host = place_of(story, moment);
  if (host != 0) json["node"] = story.host_name(host);
  if (moment.incarnation != 0) json["incarnation"] = moment.incarnation;
  if (moment.shard != 0) json["shard"] = moment.shard;
  if (moment.fiber != 0) json["fiber"] = moment.fiber;
  if (moment.name != 0) json["name"] = story.text(moment.name);
  if (moment.detail != 0) json["detail"] = story.text(moment.detail);
  if (moment.a != 0) json["a"] = moment.a;
  if (moment.b != 0) json["b"] = moment.b;
  if (moment.payload != 0) json["payload"] = fmt::format("{:016x}", moment.payload);
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string opening_of(const Story& story) {
  const About& about = story.about;
  return fmt::format("{}: {}\nseed {}, build {}\ndrawn: {}\n", about.scenario, about.tale,
                     about.seed, about.build, about.drawn);
}

std::string column_heads() {
  return fmt::format("{:>12} {:>8}  {:<10} {}\n", "time s", "event", "who", "what");
}

std::string verdict_of(const Story& story) {
  const About& about = story.about;
  std::string text = fmt::format("{} events, {:.3f} simulated seconds, digest {}\n", about.events,
                                 static_cast<double>(about.time) / 1e9, about.digest);
  if (about.passed()) return text + "passed\n";
  return text + fmt::format("failed: {} ({}) at event {}\n{}\n", about.check, about.subject,
                            about.found_at_event, about.detail);
}

}  // namespace perdure::sim::trace
