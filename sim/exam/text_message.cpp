#include "sim/exam/text_message.h"

#include <fmt/format.h>

#include <cctype>

namespace perdure::sim::exam {

namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' ||
         c == '+';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<TextMessage> whole() { return fields('\0'); }

 private:
  std::unexpected<Error> wrong(std::string what) const {
    return fail(Code::invalid, fmt::format("line {}: {}", line_, what));
  }

  void drop() {
    line_ += rest_.front() == '\n';
    rest_.remove_prefix(1);
  }
  void skip() {
    while (!rest_.empty()) {
      if (rest_.front() == '#') {
        while (!rest_.empty() && rest_.front() != '\n') drop();
      } else if (std::isspace(static_cast<unsigned char>(rest_.front())) != 0) {
        drop();
      } else {
        return;
      }
    }
  }
  char ahead() {
    skip();
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool take(char c) {
    if (ahead() != c) return false;
    drop();
    return true;
  }

  Result<TextMessage> fields(char closing) {
    TextMessage message;
    while (ahead() != closing) {
      if (rest_.empty()) return wrong(fmt::format("'{}' is missing", closing));
      TRY_VOID(field(message));
    }
    if (closing != '\0') drop();
    return message;
  }

  Result<void> field(TextMessage& message) {
    const std::size_t line = line_;
    TRY(name, word());
    const bool colon = take(':');
    if (take('[')) {
      while (!take(']')) {
        TRY_VOID(value(message, name, line));
        (void)take(',');
      }
    } else {
      const char next = ahead();
      if (!colon && next != '{' && next != '<') {
        return wrong("':' is missing after '" + name + "'");
      }
      TRY_VOID(value(message, name, line));
    }
    (void)(take(',') || take(';'));
    return {};
  }

  Result<void> value(TextMessage& message, const std::string& name, std::size_t line) {
    const char next = ahead();
    if (next == '{' || next == '<') {
      drop();
      TRY(inner, fields(next == '{' ? '}' : '>'));
      message.push_back({.name = name, .line = line, .value = std::move(inner)});
      return {};
    }
    std::string text;
    if (next == '"' || next == '\'') {
      while (ahead() == '"' || ahead() == '\'') {  // adjacent strings are one
        TRY_VOID(string(text));
      }
    } else {
      TRY(single, word());
      text = std::move(single);
    }
    message.push_back({.name = name, .line = line, .value = std::move(text)});
    return {};
  }

  Result<std::string> word() {
    skip();
    std::size_t size = 0;
    while (size < rest_.size() && is_word(rest_[size])) ++size;
    if (size == 0) {
      return rest_.empty() ? wrong("the text ends too early")
                           : wrong(fmt::format("'{}' is not expected here", rest_.front()));
    }
    std::string word(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return word;
  }

  Result<void> string(std::string& text) {
    const char quote = rest_.front();
    drop();
    while (!rest_.empty() && rest_.front() != quote) {
      if (rest_.front() == '\\') {
        drop();
        TRY_VOID(escape(text));
      } else {
        text += rest_.front();
        drop();
      }
    }
    if (rest_.empty()) return wrong("a string has no end");
    drop();
    return {};
  }

  Result<void> escape(std::string& text) {
    if (rest_.empty()) return wrong("a string has no end");
    const char c = rest_.front();
    if (c >= '0' && c <= '7') return number(text, 8, 3);
    drop();
    switch (c) {
      case 'n': text += '\n'; return {};
      case 't': text += '\t'; return {};
      case 'r': text += '\r'; return {};
      case 'x': return number(text, 16, 2);
      case '"':
      case '\'':
      case '?':
      case '\\': text += c; return {};
      default: return wrong(fmt::format("no such escape: \\{}", c));
    }
  }

  Result<void> number(std::string& text, unsigned base, std::size_t digits_most) {
    unsigned value = 0;
    std::size_t digits = 0;
    while (digits < digits_most && !rest_.empty()) {
      const char c = rest_.front();
      const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                             : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                             : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A') + 10
                                                    : 99;
      if (digit >= base) break;
      value = value * base + digit;
      ++digits;
      drop();
    }
    if (digits == 0) return wrong("an escape without digits");
    text += static_cast<char>(value);
    return {};
  }

  std::string_view rest_;
  std::size_t line_ = 1;
};

}  // namespace

Result<TextMessage> parse_text_message(std::string_view text) { return Parser(text).whole(); }

}  // namespace perdure::sim::exam
