#include "sim/trace/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "sim/trace/spans.h"
#include "sim/trace/view.h"

// The parts of the page, as they lie beside this file.
#define PERDURE_PART(symbol, file)                                                        \
  asm(".pushsection .rodata\n" #symbol "_begin:\n.incbin \"" PERDURE_PAGE_FOLDER "/" file \
      "\"\n" #symbol "_end:\n.popsection\n");                                             \
  extern "C" const char symbol##_begin[];                                                 \
  extern "C" const char symbol##_end[]

PERDURE_PART(perdure_page_html, "page.html");
PERDURE_PART(perdure_page_css, "page.css");
PERDURE_PART(perdure_page_draw, "page_draw.js");
PERDURE_PART(perdure_page_act, "page_act.js");

namespace perdure::sim::trace {

namespace {

using Json = nlohmann::ordered_json;

std::string part(const char* begin, const char* end) {
  return std::string(begin, static_cast<std::size_t>(end - begin));
}

// What a page can do without, the first to go first.  Turns and steps always go.
constexpr std::array expendable = {What::spawn, What::cancel, What::disk,   What::arrive,
                                   What::send,  What::append, What::commit, What::apply};

bool always_out(What what) {
  switch (what) {
    case What::turn:
    case What::timer:
    case What::resume:
    case What::park:
    case What::tables:
    case What::objects:
    case What::nemesis:
    case What::workload: return true;
    default: return false;
  }
}

class PageData {
 public:
  explicit PageData(const Story& story) : story_(story) { choose(); }

  std::string write() {
    place_.assign(story_.size() + 1, 0);
    for (std::size_t i = 0; i < kept_.size(); ++i) place_[kept_[i]] = i + 1;
    Json json = {{"about", about()}, {"hosts", hosts()}, {"kinds", kinds()}, {"m", moments()}};
    json["transitions"] = transitions_;
    json["more"] = more_;
    json["verdict"] = verdict_;
    json["healed"] = healed_;
    json["left_out"] = left_out_;
    add_spans(json);
    json["texts"] = texts_;
    std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    return without_tags(text);
  }

 private:
  // "</script>" in a text would end the data.
  static std::string without_tags(std::string_view json) {
    std::string text;
    text.reserve(json.size());
    for (const char c : json) {
      if (c == '<') {
        text += "\\u003c";
      } else {
        text += c;
      }
    }
    return text;
  }

  void choose() {
    std::array<std::size_t, what_count> counts = {};
    std::size_t total = 0;
    for (const Moment& moment : story_.moments()) {
      if (always_out(moment.what)) continue;
      ++counts[static_cast<std::size_t>(moment.what)];
      ++total;
    }
    std::array<bool, what_count> out = {};
    for (const What what : expendable) {
      if (total <= moments_max) break;
      const auto index = static_cast<std::size_t>(what);
      out[index] = true;
      total -= counts[index];
      left_out_ += (left_out_.empty() ? "left out, there were too many: " : ", ") +
                   std::string(name_of(what));
    }
    for (std::uint64_t number = 1; number <= story_.size(); ++number) {
      const What what = story_.moment(number).what;
      if (!always_out(what) && !out[static_cast<std::size_t>(what)]) kept_.push_back(number);
    }
  }

  // Where the nearest kept cause stands in the page, from 1; 0: there is none.
  std::size_t kept_cause(std::uint64_t number) const {
    std::uint64_t cause = story_.moment(number).cause;
    while (cause != 0 && place_[cause] == 0) cause = story_.moment(cause).cause;
    return cause == 0 ? 0 : place_[cause];
  }

  Json about() const {
    const About& about = story_.about;
    std::uint64_t found_at = 0;
    for (const Moment& moment : story_.moments()) {
      if (moment.what == What::check) found_at = moment.at;
    }
    return {{"token", about.token},
            {"build", about.build},
            {"scenario", about.scenario},
            {"tale", about.tale},
            {"seed", about.seed},
            {"drawn", about.drawn},
            {"schedule", about.schedule},
            {"check", about.check},
            {"subject", about.subject},
            {"detail", about.detail},
            {"found_at_event", about.found_at_event},
            {"found_at", found_at},
            {"events", about.events},
            {"time", about.time}};
  }

  Json hosts() const {
    Json list = Json::array();
    for (const StoryHost& host : story_.hosts) {
      list.push_back({{"name", host.name}, {"shards", host.shards}, {"helper", host.helper}});
    }
    return list;
  }

  static Json kinds() {
    Json list = Json::array();
    for (std::size_t i = 0; i < what_count; ++i) list.push_back(name_of(static_cast<What>(i)));
    return list;
  }

  std::size_t text(const std::string& text) {
    const auto [known, fresh] = text_ids_.emplace(text, texts_.size());
    if (fresh) texts_.push_back(text);
    return known->second;
  }

  Json moments() {
    Json at = Json::array(), event = Json::array(), back = Json::array(), host = Json::array(),
         what = Json::array(), level = Json::array(), words = Json::array();
    Moment before;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      const std::uint64_t number = kept_[i];
      const Moment& moment = story_.moment(number);
      at.push_back(moment.at - before.at);
      event.push_back(moment.event - before.event);
      const std::size_t cause = kept_cause(number);
      back.push_back(cause == 0 ? 0 : i + 1 - cause);
      host.push_back(place_of(story_, moment));
      what.push_back(static_cast<int>(moment.what));
      level.push_back(static_cast<int>(moment.level));
      words.push_back(text(words_of(story_, number)));
      notice(i, moment);
      before = moment;
    }
    return {{"at", std::move(at)},      {"event", std::move(event)}, {"back", std::move(back)},
            {"host", std::move(host)},  {"what", std::move(what)},   {"level", std::move(level)},
            {"words", std::move(words)}};
  }

  void notice(std::size_t i, const Moment& moment) {
    const bool said_quietly = moment.what == What::mark && moment.level == io::Level::debug;
    if (is_transition(moment.what) && !said_quietly) transitions_.push_back(i);
    const std::string_view detail = story_.text(moment.detail);
    if (detail.find('\n') != detail.npos) more_[std::to_string(i)] = detail;
    if (moment.what == What::check && verdict_ < 0) verdict_ = static_cast<std::int64_t>(i);
    if (moment.what == What::fault_end && story_.text(moment.name) == "healed") {
      healed_.push_back(moment.at);
    }
  }

  std::int64_t index_of(std::uint64_t moment) const {
    return moment == 0 ? -1 : static_cast<std::int64_t>(place_[moment]) - 1;
  }
  Json base(const Span& span) const {
    return {{"host", span.host},
            {"from", span.from},
            {"to", span.to},
            {"begin", index_of(span.begin)},
            {"end", index_of(span.end)}};
  }

  // Hosts whose names stand in the words of the misfortune.
  Json hosts_in(std::string_view words) const {
    Json list = Json::array();
    for (std::size_t host = 1; host < story_.hosts.size(); ++host) {
      const std::string& name = story_.hosts[host].name;
      for (std::size_t at = words.find(name); at != words.npos; at = words.find(name, at + 1)) {
        const auto ends_word = [&](std::size_t place) {
          return place >= words.size() ||
                 std::isalnum(static_cast<unsigned char>(words[place])) == 0;
        };
        if (ends_word(at + name.size()) && (at == 0 || ends_word(at - 1))) {
          list.push_back(host);
          break;
        }
      }
    }
    return list;
  }

  void add_spans(Json& json) const {
    const Spans spans = spans_of(story_);
    json["lives"] = Json::array();
    for (const LifeSpan& life : spans.lives) {
      Json each = base(life);
      each["incarnation"] = life.incarnation;
      each["power"] = life.power_lost;
      json["lives"].push_back(std::move(each));
    }
    json["faults"] = Json::array();
    for (const FaultSpan& fault : spans.faults) {
      Json each = base(fault);
      each["name"] = fault.name;
      each["detail"] = fault.detail;
      each["hosts"] = hosts_in(fault.detail);
      json["faults"].push_back(std::move(each));
    }
    json["ops"] = Json::array();
    for (const OperationSpan& operation : spans.operations) {
      Json each = base(operation);
      each["name"] = operation.name;
      each["detail"] = operation.detail;
      each["outcome"] = static_cast<int>(operation.outcome);
      each["retries"] = operation.retries;
      json["ops"].push_back(std::move(each));
    }
    json["roles"] = Json::array();
    for (const RoleSpan& role : spans.roles) {
      Json each = base(role);
      each["of"] = role.of;
      each["epoch"] = role.epoch;
      json["roles"].push_back(std::move(each));
    }
  }

  const Story& story_;
  std::vector<std::uint64_t> kept_;  // moments of the page, rising
  std::vector<std::size_t> place_;   // by moment, from 1; 0: not kept
  std::vector<std::string> texts_;
  std::map<std::string, std::size_t> text_ids_;
  std::vector<std::size_t> transitions_;
  Json more_ = Json::object();  // long words, by place
  std::int64_t verdict_ = -1;
  std::vector<std::uint64_t> healed_;
  std::string left_out_;
};

void put(std::string& page, std::string_view name, const std::string& text) {
  const std::string slot = fmt::format("{{{{{}}}}}", name);
  const std::size_t at = page.find(slot);
  if (at != page.npos) page.replace(at, slot.size(), text);
}

}  // namespace

std::string page_of(const Story& story) {
  std::string page = part(perdure_page_html_begin, perdure_page_html_end);
  put(page, "title", fmt::format("{} {}", story.about.scenario, story.about.seed));
  put(page, "css", part(perdure_page_css_begin, perdure_page_css_end));
  put(page, "js",
      part(perdure_page_draw_begin, perdure_page_draw_end) +
          part(perdure_page_act_begin, perdure_page_act_end));
  put(page, "data", PageData(story).write());
  return page;
}

}  // namespace perdure::sim::trace
