#include "sim/world/recorder.h"

#include <fmt/format.h>

#include "engine/base/bytes.h"
#include "engine/base/match.h"

namespace perdure::sim {

namespace {

std::uint64_t hash_of(const TraceEvent& event) {
  std::uint64_t hash = hash64(event.name, event.shard);
  for (const io::Field& field : event.fields) {
    hash = hash64(field.name, hash);
    hash = match(
        field.value,
        [&](std::uint64_t number) {
          return number * 0x9E3779B97F4A7C15u ^ (hash << 1 | hash >> 63);
        },
        [&](std::string_view text) { return hash64(text, hash); });
  }
  return hash;
}

trace::What what_of(Kind kind) {
  switch (kind) {
    case Kind::turn: return trace::What::turn;
    case Kind::timer: return trace::What::timer;
    case Kind::arrive: return trace::What::arrive;
    case Kind::disk: return trace::What::disk;
    case Kind::tables: return trace::What::tables;
    case Kind::objects: return trace::What::objects;
    case Kind::nemesis: return trace::What::nemesis;
    case Kind::workload: return trace::What::workload;
    case Kind::trace: return trace::What::mark;
  }
  return trace::What::nemesis;
}

void add(Recorder::Marks& marks, std::string_view name, std::uint64_t by) {
  const auto found = marks.find(name);
  if (found != marks.end()) {
    found->second += by;
  } else {
    marks.emplace(name, by);
  }
}

}  // namespace

std::uint64_t TraceEvent::number(std::string_view field, std::uint64_t otherwise) const {
  for (const io::Field& each : fields) {
    const auto* number = std::get_if<std::uint64_t>(&each.value);
    if (each.name == field && number != nullptr) return *number;
  }
  return otherwise;
}

std::string_view TraceEvent::text(std::string_view field) const {
  for (const io::Field& each : fields) {
    const auto* text = std::get_if<std::string_view>(&each.value);
    if (each.name == field && text != nullptr) return *text;
  }
  return {};
}

std::string show_fields(const TraceEvent& event) {
  std::string line;
  for (const io::Field& field : event.fields) {
    if (!line.empty()) line += ' ';
    match(
        field.value,
        [&](std::uint64_t number) { line += fmt::format("{}={}", field.name, number); },
        [&](std::string_view text) { line += fmt::format("{}={}", field.name, text); });
  }
  return line;
}

// --- the story ---

void Recorder::tell_into(trace::Story* story) {
  story_ = story;
  loop_.watch(story == nullptr ? nullptr : this);
}

std::uint64_t Recorder::tell(const Told& told) {
  if (story_ == nullptr) return 0;
  return story_->add({.event = loop_.event(),
                      .at = loop_.now(),
                      .cause = loop_.cause(),
                      .a = told.a,
                      .b = told.b,
                      .payload = told.payload,
                      .host = told.life.host,
                      .incarnation = told.life.incarnation,
                      .fiber = loop_.fiber(),
                      .shard = static_cast<std::uint16_t>(told.shard),
                      .what = told.what,
                      .level = told.level,
                      .name = story_->text(told.name),
                      .detail = story_->text(told.detail)});
}

void Recorder::tell_host(std::string_view name, std::uint32_t shards, bool helper) {
  if (story_ == nullptr) return;
  story_->hosts.push_back({.name = std::string(name), .shards = shards, .helper = helper});
}

void Recorder::tell_schedule(std::string line) {
  if (story_ != nullptr) story_->about.schedule.push_back(std::move(line));
}

std::uint64_t Recorder::runs(const Happened& happened) {
  tell_ends(happened.at);
  if (happened.at >= next_digest_at_) tell_digest();
  return story_->add({.event = happened.event,
                      .at = happened.at,
                      .cause = happened.cause,
                      .payload = happened.payload,
                      .host = happened.life.host,
                      .incarnation = happened.life.incarnation,
                      .shard = happened.kind == Kind::turn || happened.kind == Kind::timer
                                   ? static_cast<std::uint16_t>(happened.payload)
                                   : std::uint16_t{0},
                      .what = what_of(happened.kind)});
}

void Recorder::tell_fault(Life life, std::string_view name, std::string_view text, Nanos lasts) {
  const std::uint64_t begin = tell({.what = trace::What::fault,
                                    .life = life,
                                    .name = name,
                                    .detail = text,
                                    .a = lasts,
                                    .level = io::Level::warn});
  if (begin == 0 || lasts == 0) return;
  fault_ends_.emplace(loop_.now() + lasts,
                      FaultEnd{.begin = begin, .life = life, .name = std::string(name)});
}

void Recorder::tell_healed() {
  tell_ends(UINT64_MAX);
  tell({.what = trace::What::fault_end, .name = "healed", .detail = "the world is healed"});
}

// No event of the loop ends a misfortune, so it is noticed at the next one there is.
void Recorder::tell_ends(Nanos until) {
  while (!fault_ends_.empty() && fault_ends_.begin()->first <= until) {
    const FaultEnd end = std::move(fault_ends_.begin()->second);
    fault_ends_.erase(fault_ends_.begin());
    const std::uint64_t before = loop_.cause();
    loop_.caused_by(end.begin);
    tell({.what = trace::What::fault_end, .life = end.life, .name = end.name});
    loop_.caused_by(before);
  }
}

void Recorder::found(const Finding& finding) {
  tell({.what = trace::What::check,
        .name = finding.check,
        .detail = finding.detail,
        .level = io::Level::error});
  story_->about.found_at_event = loop_.event();
}

// Once a simulated second: where two runs of one seed still agree.
void Recorder::tell_digest() {
  next_digest_at_ = (loop_.now() / second + 1) * second;
  loop_.caused_by(0);
  tell({.what = trace::What::digest, .name = "run.digest", .detail = loop_.digest().hex()});
}

void Recorder::event(const TraceEvent& event) {
  if (telling()) {
    tell({.what = trace::what_of_mark(event.name),
          .life = event.life,
          .shard = event.shard,
          .name = event.name,
          .detail = show_fields(event),
          .a = event.number("partition"),
          .b = event.number("epoch", event.number("term")),
          .level = event.level});
  }
  add(marks_, event.name, 1);
  for (const Watcher& watcher : watchers_) watcher(event.host, event.name);
  if (event.level == io::Level::debug) return;
  loop_.note(event.life, Kind::trace, hash_of(event));
  for (const Observer& observer : observers_) observer(event);
}

void Recorder::count(std::string_view name, std::uint64_t by) { add(counters_, name, by); }

std::uint64_t Recorder::hits(std::string_view mark) const {
  const auto found = marks_.find(mark);
  return found == marks_.end() ? 0 : found->second;
}

}  // namespace perdure::sim
