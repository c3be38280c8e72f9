// engine/http/headers.h
//
// Rules that both protocols share: which headers belong to one connection only, what
// a name or a value may hold, how a status and a date are spelled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/io/http.h"

namespace perdure::http {

// Of this hop, never handed on (RFC 9110 section 7.6.1).  Lower-case.
bool is_connection_header(std::string_view name);

bool is_token(std::string_view text);  // a method, a header's name
// No control characters but tab, no blank at either end.
bool is_header_value(std::string_view text);
// A request target or an authority: visible ASCII and what UTF-8 needs.
bool is_target(std::string_view text);
void make_lower(std::string& name);
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string_view without_blanks(std::string_view text);  // at either end

// Calls `each` for the members of a comma-separated list, without blanks.
template <class Each>
void for_each_in_list(std::string_view list, Each&& each) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view member = without_blanks(list.substr(0, comma));
    if (!member.empty()) each(member);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

// What an answer of ours may carry: drops headers that are of the connection, badly
// formed, or that we say ourselves (content-length, date); names become lower-case.
// Returns how many were badly formed.
std::size_t clean_response_headers(io::Headers& headers);
// The same for a call of ours, whose framing is ours too; here what is badly formed is
// the caller's mistake: `invalid`.
Result<void> clean_request(io::Request& request);

bool has_no_body(int status);  // 1xx, 204, 304
std::string_view reason_of(int status);

// "Sun, 06 Nov 1994 08:49:37 GMT", rendered once a second.
class DateText {
 public:
  std::string_view at(WallTime now);

 private:
  std::int64_t second_ = -1;
  std::string text_;
};

}  // namespace perdure::http
