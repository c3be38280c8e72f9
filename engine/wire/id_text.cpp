#include "engine/wire/id_text.h"

#include <algorithm>
#include <array>

namespace perdure::wire {
namespace {

constexpr std::array<std::string_view, 8> prefixes = {"inv",  "dp",   "sub", "prom",
                                                      "sign", "snap", "mut", "vq"};

// What is wrong with the frame of an id: prefix, '_', version '1', digits.
std::string wrong_frame(std::string_view text, std::string_view expected, std::size_t digits) {
  const std::size_t line = text.find('_');
  if (line == std::string_view::npos) return "bad format";
  const std::string_view prefix = text.substr(0, line);
  if (std::ranges::find(prefixes, prefix) == prefixes.end()) {
    return "unrecognized resource type: " + std::string(prefix);
  }
  if (prefix != expected) return "id doesn't match the expected type";
  const std::string_view rest = text.substr(line + 1);
  if (rest.empty()) return "bad length";
  if (rest.front() != '1') return "unrecognized codec version";
  if (rest.size() - 1 != digits) return "bad length";
  return "base62 decode error";
}

template <class Id>
Result<Id> parse(std::string_view text, std::string_view prefix, std::size_t digits) {
  Result<Id> parsed = Id::from_text(text);
  if (parsed) return parsed;
  return fail(Code::invalid, wrong_frame(text, prefix, digits));
}

}  // namespace

Result<InvocationId> invocation_id_from_client(std::string_view text) {
  return parse<InvocationId>(text, "inv", 33);
}

Result<DeploymentId> deployment_id_from_client(std::string_view text) {
  return parse<DeploymentId>(text, "dp", 22);
}

// A broken sign_1… is tried as the older prom_1…, so the complaint is about the type.
Result<AwakeableId> awakeable_id_from_client(std::string_view text) {
  return parse<AwakeableId>(text, "prom", 38);
}

}  // namespace perdure::wire
