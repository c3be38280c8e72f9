#include "sim/check/history_export.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace perdure::sim {

namespace {

constexpr std::uint32_t processes_apart = 1000;

struct Line {
  Nanos at = 0;
  std::uint32_t process = 0;
  std::string_view type, f;
  std::string key;
  nlohmann::ordered_json value;
};

nlohmann::ordered_json number_or_text(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return is_number ? nlohmann::ordered_json(number) : nlohmann::ordered_json(text);
}

// A client whose operation never came to an end goes on as another process: the one that
// asked may still be heard of.
void add_operation(std::vector<Line>& lines, const Operation& operation, std::uint32_t process) {
  lines.push_back({.at = operation.invoked,
                   .process = process,
                   .type = "invoke",
                   .f = "add",
                   .key = operation.key,
                   .value = 1});
  Line end = lines.back();
  end.at = std::max(operation.returned, operation.invoked);
  end.type = operation.fate == Fate::answered  ? "ok"
             : operation.fate == Fate::refused ? "fail"
                                               : "info";
  if (operation.fate == Fate::answered) end.value = number_or_text(operation.answer);
  lines.push_back(std::move(end));
}

void add_read(std::vector<Line>& lines, const FinalRead& read) {
  Line line = {.at = read.invoked, .type = "invoke", .f = "get", .key = read.key, .value = nullptr};
  lines.push_back(line);
  line.at = read.returned;
  line.type = "ok";
  line.value = number_or_text(read.value);
  lines.push_back(line);
}

}  // namespace

std::string json_lines(std::span<const Operation> operations, std::span<const FinalRead> reads) {
  std::vector<Line> lines;
  std::map<std::uint32_t, std::uint32_t> lost;  // operations without an end, by client
  for (const Operation& operation : operations) {
    if (operation.verb != Verb::add) continue;
    std::uint32_t& before = lost[operation.client];
    add_operation(lines, operation, operation.client + processes_apart * before);
    if (operation.fate == Fate::open || operation.fate == Fate::unknown) ++before;
  }
  for (const FinalRead& read : reads) {
    if (!read.list) add_read(lines, read);
  }
  std::ranges::stable_sort(lines, {}, [](const Line& line) { return line.at; });
  std::string text;
  for (const Line& line : lines) {
    const nlohmann::ordered_json json = {
        {"process", line.process}, {"type", line.type},   {"f", line.f},
        {"key", line.key},         {"value", line.value}, {"time", line.at}};
    text += json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return text;
}

}  // namespace perdure::sim
