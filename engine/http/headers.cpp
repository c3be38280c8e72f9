#include "engine/http/headers.h"

#include <algorithm>
#include <array>

namespace perdure::http {
namespace {

constexpr std::array<bool, 256> token_characters = [] {
  std::array<bool, 256> is{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                       "abcdefghijklmnopqrstuvwxyz"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    is[static_cast<unsigned char>(c)] = true;
  }
  return is;
}();

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool allowed_in_value(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

void append_number(std::string& out, unsigned number, std::size_t digits) {
  const std::string text = std::to_string(number);
  out.append(digits - std::min(digits, text.size()), '0').append(text);
}

}  // namespace

bool is_connection_header(std::string_view name) {
  switch (name.size()) {
    case 2: return name == "te";
    case 7: return name == "upgrade" || name == "trailer";
    case 10: return name == "connection" || name == "keep-alive";
    case 14: return name == "http2-settings";
    case 16: return name == "proxy-connection";
    case 17: return name == "transfer-encoding";
    default: return false;
  }
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return token_characters[static_cast<unsigned char>(c)];
  });
}

bool is_header_value(std::string_view text) {
  if (!text.empty() && (is_blank(text.front()) || is_blank(text.back()))) return false;
  return std::ranges::all_of(text, allowed_in_value);
}

bool is_target(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

void make_lower(std::string& name) {
  for (char& c : name) c = lower(c);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t clean_response_headers(io::Headers& headers) {
  std::size_t bad = 0;
  std::erase_if(headers, [&bad](io::Header& header) {
    make_lower(header.name);
    if (is_connection_header(header.name)) return true;
    if (header.name == "content-length" || header.name == "date") return true;
    if (is_token(header.name) && is_header_value(header.value)) return false;
    ++bad;
    return true;
  });
  return bad;
}

Result<void> clean_request(io::Request& request) {
  if (!is_token(request.method)) return fail(Code::invalid, "not a method: " + request.method);
  if (request.method == "CONNECT") return fail(Code::invalid, "connect is not supported");
  const bool all_of_it = request.target == "*";
  if (!all_of_it && !request.target.starts_with('/')) {
    return fail(Code::invalid, "a target begins with '/'");
  }
  if (!is_target(request.target)) return fail(Code::invalid, "bad character in target");
  if (!request.authority.empty() && !is_target(request.authority)) {
    return fail(Code::invalid, "bad character in authority");
  }
  for (io::Header& header : request.headers) {
    make_lower(header.name);
    if (!is_token(header.name)) return fail(Code::invalid, "not a header name: " + header.name);
    if (!is_header_value(header.value)) {
      return fail(Code::invalid, "bad character in header " + header.name);
    }
  }
  std::erase_if(request.headers, [](const io::Header& header) {
    return is_connection_header(header.name) || header.name == "host" || header.name == "expect" ||
           header.name == "content-length";
  });
  return {};
}

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

std::string_view reason_of(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Payload Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Entity";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

std::string_view DateText::at(WallTime now) {
  using namespace std::chrono;
  const auto second = floor<seconds>(now);
  if (second.time_since_epoch().count() == second_) return text_;
  second_ = second.time_since_epoch().count();
  static constexpr std::array day_names = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(second);
  const year_month_day date(day);
  const hh_mm_ss time(second - day);
  text_ = day_names[weekday(day).c_encoding()];
  text_ += ", ";
  append_number(text_, static_cast<unsigned>(date.day()), 2);
  text_.append(" ").append(month_names[static_cast<unsigned>(date.month()) - 1]).append(" ");
  append_number(text_, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  text_ += " ";
  append_number(text_, static_cast<unsigned>(time.hours().count()), 2);
  text_ += ":";
  append_number(text_, static_cast<unsigned>(time.minutes().count()), 2);
  text_ += ":";
  append_number(text_, static_cast<unsigned>(time.seconds().count()), 2);
  text_ += " GMT";
  return text_;
}

}  // namespace perdure::http
