#include "engine/wire/json.h"

#include <nlohmann/json.hpp>

namespace perdure::wire {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Bytes of the UTF-8 character at the front; 0 when there is none.
std::size_t character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  if (first == 0xE0 && second < 0xA0) return 0;  // longer than needed
  if (first == 0xED && second > 0x9F) return 0;  // surrogates
  if (first == 0xF0 && second < 0x90) return 0;
  if (first == 0xF4 && second > 0x8F) return 0;  // beyond U+10FFFF
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  return size;
}

}  // namespace

template <class Json>
Result<Json> json_from_text(std::string_view text, int depth_max) {
  struct TooDeep {};
  try {
    return Json::parse(text, [depth_max](int depth, typename Json::parse_event_t, Json&) {
      if (depth > depth_max) throw TooDeep();
      return true;
    });
  } catch (const TooDeep&) {
    return fail(Code::invalid, "nested deeper than " + std::to_string(depth_max) + " levels");
  } catch (const typename Json::exception& broken) {
    std::string_view why =
        broken.what();  // "[json.exception.parse_error.101] parse error at line …"
    if (const auto end = why.find("] "); end != std::string_view::npos) why.remove_prefix(end + 2);
    return fail(Code::invalid, std::string(why));
  }
}

template Result<nlohmann::json> json_from_text(std::string_view, int);

std::size_t utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t size = character(text.substr(at));
    if (size == 0) break;
    at += size;
  }
  return at;
}

std::string utf8_text(std::string text) {
  std::size_t at = utf8_prefix(text);
  if (at == text.size()) return text;
  std::string fixed = text.substr(0, at);
  while (at < text.size()) {
    fixed += "\xEF\xBF\xBD";
    const std::string_view rest = std::string_view(text).substr(++at);
    const std::size_t good = utf8_prefix(rest);
    fixed.append(rest.substr(0, good));
    at += good;
  }
  return fixed;
}

void append_json(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\\') {
      (out += '\\') += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00").append(1, hex[static_cast<unsigned char>(c) >> 4]).append(1, hex[c & 15]);
    } else if (const std::size_t size = character(text.substr(i)); size > 0) {
      out.append(text.substr(i, size));
      i += size;
      continue;
    } else {
      out += "\xEF\xBF\xBD";
    }
    ++i;
  }
  out += '"';
}

}  // namespace perdure::wire
