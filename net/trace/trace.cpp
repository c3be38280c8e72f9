#include "net/trace/trace.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <time.h>

#include <algorithm>
#include <iterator>

#include "engine/base/match.h"

namespace perdure::net {
namespace {

using Line = fmt::memory_buffer;

void add(Line& line, std::string_view text) { line.append(text.data(), text.data() + text.size()); }

std::string_view word(io::Level level) {
  switch (level) {
    case io::Level::debug: return "debug";
    case io::Level::info: return "info";
    case io::Level::warn: return "warn";
    case io::Level::error: return "error";
  }
  return "?";
}

std::string_view padded_word(io::Level level) {
  switch (level) {
    case io::Level::debug: return "DEBUG";
    case io::Level::info: return "INFO ";
    case io::Level::warn: return "WARN ";
    case io::Level::error: return "ERROR";
  }
  return "?";
}

spdlog::level::level_enum of_spdlog(io::Level level) {
  switch (level) {
    case io::Level::debug: return spdlog::level::debug;
    case io::Level::info: return spdlog::level::info;
    case io::Level::warn: return spdlog::level::warn;
    case io::Level::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

void add_time(Line& line, WallTime at) {
  const auto since = at.time_since_epoch().count();
  const time_t seconds = static_cast<time_t>(since / 1000);
  tm parts = {};
  ::gmtime_r(&seconds, &parts);
  fmt::format_to(std::back_inserter(line), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                 parts.tm_sec, since % 1000);
}

void add_quoted(Line& line, std::string_view text) {
  line.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      line.push_back('\\');
      line.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(line), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      line.push_back(c);
    }
  }
  line.push_back('"');
}

bool needs_quotes(std::string_view text) {
  return text.empty() || std::ranges::any_of(text, [](char c) {
           return c == '"' || c == '=' || c == '\\' || static_cast<unsigned char>(c) <= 0x20;
         });
}

void add_number(Line& line, std::uint64_t number) {
  fmt::format_to(std::back_inserter(line), "{}", number);
}

void add_pretty(Line& line, const io::Field& field) {
  line.push_back(' ');
  add(line, field.name);
  line.push_back('=');
  match(
      field.value, [&](std::uint64_t number) { add_number(line, number); },
      [&](std::string_view text) {
        needs_quotes(text) ? add_quoted(line, text) : add(line, text);
      });
}

void add_json(Line& line, const io::Field& field) {
  line.push_back(',');
  add_quoted(line, field.name);
  line.push_back(':');
  match(
      field.value, [&](std::uint64_t number) { add_number(line, number); },
      [&](std::string_view text) { add_quoted(line, text); });
}

}  // namespace

Log::Log(Options options) : Log(options, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {}

Log::Log(Options options, std::shared_ptr<spdlog::sinks::sink> sink)
    : options_(options), logger_(std::make_unique<spdlog::logger>("perdure", std::move(sink))) {
  logger_->set_level(spdlog::level::trace);
  logger_->set_pattern("%v");
  logger_->flush_on(spdlog::level::trace);
}

Log::~Log() = default;

void Log::write(io::Level level, WallTime at, std::uint32_t shard, std::string_view event,
                std::initializer_list<io::Field> fields) {
  Line line;
  if (options_.format == LineFormat::json) {
    add(line, "{\"time\":\"");
    add_time(line, at);
    fmt::format_to(std::back_inserter(line), R"(","level":"{}","shard":{},"event":)", word(level),
                   shard);
    add_quoted(line, event);
    for (const io::Field& field : fields) add_json(line, field);
    line.push_back('}');
  } else {
    add_time(line, at);
    fmt::format_to(std::back_inserter(line), " {} [{}] {}", padded_word(level), shard, event);
    for (const io::Field& field : fields) add_pretty(line, field);
  }
  logger_->log(of_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void ShardTrace::event(io::Level level, std::string_view name,
                       std::initializer_list<io::Field> fields) {
  if (wants(level)) log_.write(level, clock_.wall(), shard_, name, fields);
}

void Counters::add(std::string_view name, std::uint64_t by) {
  const auto address = reinterpret_cast<std::uintptr_t>(name.data());
  Known& known = known_[(address ^ (address >> 9)) % known_.size()];
  if (known.address != name.data() || known.cell->name != name) {
    known = {.address = name.data(), .cell = &cell(name)};
  }
  std::atomic<std::uint64_t>& value = known.cell->value;
  value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

Counters::Cell& Counters::cell(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  const auto found = cells_.find(name);
  if (found != cells_.end()) return *found->second;
  auto fresh = std::make_unique<Cell>();
  fresh->name = name;
  return *cells_.emplace(name, std::move(fresh)).first->second;
}

void Counters::sum_into(std::map<std::string, std::uint64_t>& sums) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [name, cell] : cells_) {
    sums[name] += cell->value.load(std::memory_order_relaxed);
  }
}

std::string prometheus(const std::map<std::string, std::uint64_t>& counters) {
  std::string text;
  for (const auto& [name, value] : counters) {
    std::string metric = "perdure_";
    for (const char c : name) metric += c == '.' || c == '-' ? '_' : c;
    metric += "_total";
    text += "# TYPE " + metric + " counter\n" + metric + " " + std::to_string(value) + "\n";
  }
  return text;
}

}  // namespace perdure::net
