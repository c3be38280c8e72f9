#include "engine/invoker/failure.h"

#include <utility>

namespace perdure::invoker {
namespace {

std::string_view phrase_of(std::uint32_t code) {
  switch (code) {
    case 400: return " Bad Request";
    case 404: return " Not found";
    case 409: return " Conflict";
    case 500: return " Internal";
    case journal_mismatch: return " Journal mismatch";
    case protocol_violation: return " Protocol violation";
    default: return "";
  }
}

}  // namespace

std::string AttemptFailure::text() const {
  std::string text = "[" + std::to_string(code);
  text.append(phrase_of(code)).append("] ").append(message);
  if (!stacktrace.empty()) text.append("\n").append(stacktrace);
  return text;
}

AttemptFailure violation(std::string message) {
  return {.code = protocol_violation, .restate_code = "RT0012", .message = std::move(message)};
}

AttemptFailure failure(std::string restate_code, std::string message) {
  return {.restate_code = std::move(restate_code), .message = std::move(message)};
}

AttemptFailure uncounted(std::string restate_code, std::string message) {
  AttemptFailure made = failure(std::move(restate_code), std::move(message));
  made.counted = false;
  return made;
}

}  // namespace perdure::invoker
