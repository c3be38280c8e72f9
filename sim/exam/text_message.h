// sim/exam/text_message.h
//
// Protobuf's text format, as far as plants need it: fields of strings, words and
// messages, repeated or as lists, with comments.  Which fields there may be is the
// reader's business.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/result.h"

namespace perdure::sim::exam {

struct TextField;
using TextMessage = std::vector<TextField>;  // in order

struct TextField {
  std::string name;
  std::size_t line = 0;                          // counted from 1
  std::variant<std::string, TextMessage> value;  // a string or word; a message
  bool is_message() const { return value.index() == 1; }
};

Result<TextMessage> parse_text_message(std::string_view text);  // invalid: "line 3: ..."

}  // namespace perdure::sim::exam
