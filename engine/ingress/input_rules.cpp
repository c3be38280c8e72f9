#include "engine/ingress/input_rules.h"

namespace perdure::ingress {
namespace {

// pattern: "*/*", "a/*" or "a/b"; parameters of the content type do not count.
bool matches(std::string_view content_type, std::string_view pattern) {
  if (pattern == "*/*") return true;
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  if (!pattern.ends_with("/*")) return content_type == pattern;
  pattern.remove_suffix(1);  // "a/"
  return content_type.starts_with(pattern);
}

}  // namespace

std::optional<std::string> wrong_input(const wire::InputRules& rules,
                                       std::optional<std::string_view> content_type,
                                       bool body_is_empty) {
  const bool nothing = body_is_empty && !content_type;
  if (nothing && !rules.required) return std::nullopt;
  if (!rules.content_type) {
    if (rules.required) return "Bad configuration of the input validation rules";
    return "Expected body and content-type to be empty, but wasn't with content-type '" +
           (content_type ? "Some(\"" + std::string(*content_type) + "\")" : std::string("None")) +
           "'";
  }
  if (!content_type) return "Empty content-type";
  if (!matches(*content_type, *rules.content_type)) {
    return "Content-type '" + std::string(*content_type) + "' does not match '" +
           *rules.content_type + "'";
  }
  if (!rules.json_schema.empty() && body_is_empty) return "Empty body not allowed";
  return std::nullopt;
}

}  // namespace perdure::ingress
