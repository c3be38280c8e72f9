#include "engine/http/h1_codec.h"

#include <http_parser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "engine/http/headers.h"

namespace perdure::http {
namespace {

constexpr std::size_t overhead_max = 16 * 1024;  // chunk extensions and trailers of a body

// What http-parser found, as views into the head.
struct Fields {
  struct Line {
    std::string_view name, value;
  };
  std::string_view target;
  std::vector<Line> lines;
  bool complete = false;
};

Fields& fields_of(http_parser* parser) { return *static_cast<Fields*>(parser->data); }

// A piece of text, glued to the piece before it.
void grow(std::string_view& text, const char* at, std::size_t size) {
  text =
      text.empty() ? std::string_view(at, size) : std::string_view(text.data(), text.size() + size);
}

int on_target(http_parser* parser, const char* at, std::size_t size) {
  grow(fields_of(parser).target, at, size);
  return 0;
}
int on_name(http_parser* parser, const char* at, std::size_t size) {
  fields_of(parser).lines.push_back({std::string_view(at, size), {}});
  return 0;
}
int on_value(http_parser* parser, const char* at, std::size_t size) {
  grow(fields_of(parser).lines.back().value, at, size);
  return 0;
}
int on_complete(http_parser* parser) {
  fields_of(parser).complete = true;
  return 1;  // what follows is read by BodyReader
}

constexpr http_parser_settings settings = {
    .on_message_begin = nullptr,
    .on_url = on_target,
    .on_status = nullptr,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_complete,
    .on_body = nullptr,
    .on_message_complete = nullptr,
    .on_chunk_header = nullptr,
    .on_chunk_complete = nullptr,
};

std::optional<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  const bool digits = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!whole || !digits || number > (std::uint64_t{1} << 60)) return std::nullopt;
  return number;
}

// The headers of a head, sorted by who they are for.
struct Sorted {
  io::Headers headers;  // the message's own
  std::string host;
  std::size_t hosts = 0;
  std::vector<std::string> of_connection;  // that Connection names
  std::optional<std::uint64_t> length;
  bool close = false, keep_alive = false;
  bool encoded = false, chunked = false;
  bool expects = false, expects_other = false;
};

std::expected<Sorted, BadHead> sort(const std::vector<Fields::Line>& lines) {
  Sorted sorted;
  sorted.headers.reserve(lines.size());
  for (const auto& [raw_name, raw_value] : lines) {
    const std::string_view value = without_blanks(raw_value);
    if (!is_token(raw_name)) return std::unexpected(BadHead{400, "bad header name"});
    if (!is_header_value(value)) return std::unexpected(BadHead{400, "bad header value"});
    std::string name(raw_name);
    make_lower(name);
    if (name == "host") {
      ++sorted.hosts;
      sorted.host = value;
    } else if (name == "connection") {
      for_each_in_list(value, [&sorted](std::string_view member) {
        if (equals_ignoring_case(member, "close"))
          sorted.close = true;
        else if (equals_ignoring_case(member, "keep-alive"))
          sorted.keep_alive = true;
        else
          make_lower(sorted.of_connection.emplace_back(member));
      });
    } else if (name == "transfer-encoding") {
      if (sorted.encoded || !equals_ignoring_case(value, "chunked")) {
        return std::unexpected(BadHead{501, "transfer-encoding is not chunked"});
      }
      sorted.encoded = sorted.chunked = true;
    } else if (name == "content-length") {
      const auto length = parse_length(value);
      if (!length || sorted.length) return std::unexpected(BadHead{400, "bad content-length"});
      sorted.length = length;
      sorted.headers.push_back({.name = std::move(name), .value = std::string(value)});
    } else if (name == "expect") {
      (equals_ignoring_case(value, "100-continue") ? sorted.expects : sorted.expects_other) = true;
    } else if (!is_connection_header(name)) {
      sorted.headers.push_back({.name = std::move(name), .value = std::string(value)});
    }
  }
  for (const std::string& name : sorted.of_connection) {
    std::erase_if(sorted.headers, [&name](const io::Header& header) {
      return header.name == name && name != "content-length";
    });
  }
  if (sorted.encoded && sorted.length) {
    return std::unexpected(BadHead{400, "both content-length and transfer-encoding"});
  }
  return sorted;
}

bool persists(const Sorted& sorted, bool version_1_0) {
  return !sorted.close && (!version_1_0 || sorted.keep_alive);
}

// "http://host/path" names its authority itself.
void take_apart(std::string_view whole, io::Request& request) {
  const std::size_t scheme = whole.find("://");
  if (whole.starts_with('/') || scheme == std::string_view::npos) {
    request.target = whole;
    return;
  }
  const std::string_view rest = whole.substr(scheme + 3);
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  request.authority = rest.substr(0, path);
  request.target = rest.substr(path);
  if (!request.target.starts_with('/')) request.target.insert(0, "/");
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

// --- heads ---

HeadScanner::Found HeadScanner::scan(std::string_view input) {
  while (true) {
    const std::size_t newline = input.find('\n', line_);
    if (newline == std::string_view::npos) return Found::nothing;
    std::string_view line = input.substr(line_, newline - line_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line_ = newline + 1;
    if (line.empty() && any_line_) {
      size_ = line_;
      return Found::head;
    }
    if (line.empty()) continue;  // blank lines before a request are tolerated
    if (any_line_ && (line.front() == ' ' || line.front() == '\t')) return Found::folded_line;
    any_line_ = true;
  }
}

std::expected<H1Request, BadHead> parse_request(std::string_view head) {
  Fields fields;
  fields.lines.reserve(16);
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = &fields;
  http_parser_execute(&parser, &settings, head.data(), head.size());
  const auto error = HTTP_PARSER_ERRNO(&parser);
  if (error == HPE_HEADER_OVERFLOW) return std::unexpected(BadHead{431, "head too large"});
  if (error == HPE_INVALID_VERSION) return std::unexpected(BadHead{505, "bad version"});
  if (error != HPE_OK || !fields.complete) return std::unexpected(BadHead{400, "malformed head"});
  if (parser.http_major != 1 || parser.http_minor > 1) {
    return std::unexpected(BadHead{505, "not http/1.0 or 1.1"});
  }
  const auto method = static_cast<http_method>(parser.method);
  if (method == HTTP_CONNECT) return std::unexpected(BadHead{501, "connect is not supported"});
  if (!is_target(fields.target)) return std::unexpected(BadHead{400, "bad request target"});

  auto sorted = sort(fields.lines);
  if (!sorted) return std::unexpected(sorted.error());
  const bool version_1_0 = parser.http_minor == 0;
  const bool host_missing = sorted->hosts == 0 && !version_1_0;
  if (host_missing || sorted->hosts > 1)
    return std::unexpected(BadHead{400, "not one host header"});
  if (!sorted->host.empty() && !is_target(sorted->host)) {
    return std::unexpected(BadHead{400, "bad host header"});
  }
  if (sorted->chunked && version_1_0) return std::unexpected(BadHead{400, "chunked in http/1.0"});
  if (sorted->expects_other) return std::unexpected(BadHead{417, "unknown expectation"});

  H1Request request;
  request.request.method = http_method_str(method);
  request.request.authority = std::move(sorted->host);
  take_apart(fields.target, request.request);
  request.request.headers = std::move(sorted->headers);
  request.body = sorted->chunked ? BodyLength{BodyLength::Kind::chunked, 0}
                                 : BodyLength{BodyLength::Kind::known, sorted->length.value_or(0)};
  request.keep_alive = persists(*sorted, version_1_0);
  request.continue_wanted = sorted->expects && !version_1_0;
  request.version_1_0 = version_1_0;
  return request;
}

Result<H1Response> parse_response(std::string_view head, bool to_head) {
  Fields fields;
  fields.lines.reserve(16);
  http_parser parser;
  http_parser_init(&parser, HTTP_RESPONSE);
  parser.data = &fields;
  http_parser_execute(&parser, &settings, head.data(), head.size());
  if (HTTP_PARSER_ERRNO(&parser) != HPE_OK || !fields.complete) {
    return fail(Code::failed, "malformed head of an answer");
  }
  if (parser.http_major != 1) return fail(Code::failed, "answer is not http/1");
  auto sorted = sort(fields.lines);
  if (!sorted) return fail(Code::failed, "answer: " + std::string(sorted.error().why));
  H1Response response;
  response.response.status = static_cast<int>(parser.status_code);
  if (response.response.status < 100) return fail(Code::failed, "answer with a bad status");
  response.response.headers = std::move(sorted->headers);
  response.keep_alive = persists(*sorted, parser.http_minor == 0);
  if (to_head || has_no_body(response.response.status)) {
    response.body = {};
  } else if (sorted->chunked) {
    response.body = {BodyLength::Kind::chunked, 0};
  } else if (sorted->length) {
    response.body = {BodyLength::Kind::known, *sorted->length};
  } else {
    response.body = {BodyLength::Kind::until_close, 0};
    response.keep_alive = false;
  }
  return response;
}

// --- bodies ---

BodyReader::BodyReader(BodyLength length) : left_(length.bytes) {
  switch (length.kind) {
    case BodyLength::Kind::known: state_ = left_ == 0 ? State::over : State::bytes; break;
    case BodyLength::Kind::chunked: state_ = State::size_first; break;
    case BodyLength::Kind::until_close: state_ = State::until_close; break;
  }
}

std::size_t BodyReader::read(std::string_view bytes, std::string& body, std::size_t limit) {
  std::size_t used = 0;
  while (used < bytes.size() && !over() && !malformed()) {
    if (state_ != State::bytes && state_ != State::chunk && state_ != State::until_close) {
      step(bytes[used++]);
      continue;
    }
    const std::size_t room = limit - std::min(limit, body.size());
    if (room == 0) break;
    std::string_view some = bytes.substr(used, room);
    if (state_ != State::until_close) {
      some = some.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, some.size())));
      left_ -= some.size();
    }
    body.append(some);
    used += some.size();
    if (left_ == 0 && state_ == State::bytes) state_ = State::over;
    if (left_ == 0 && state_ == State::chunk) state_ = State::chunk_cr;
  }
  return used;
}

void BodyReader::input_ended() {
  if (over()) return;
  state_ = state_ == State::until_close ? State::over : State::malformed;
}

void BodyReader::note_digit(char c) {
  if (!is_hex(c) || left_ >= (std::uint64_t{1} << 56)) {
    state_ = State::malformed;
    return;
  }
  const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
  left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
  state_ = State::size;
}

// One byte of what surrounds the chunks.
void BodyReader::step(char c) {
  const auto expect = [this, c](char wanted, State next) {
    state_ = c == wanted ? next : State::malformed;
  };
  switch (state_) {
    case State::size_first: left_ = 0; return note_digit(c);
    case State::size:
      if (c == '\r')
        state_ = State::size_end;
      else if (c == ';' || c == ' ' || c == '\t')
        state_ = State::extension;
      else
        note_digit(c);
      return;
    case State::extension:
      if (c == '\r')
        state_ = State::size_end;
      else if (c == '\n' || ++overhead_ > overhead_max)
        state_ = State::malformed;
      return;
    case State::size_end: return expect('\n', left_ == 0 ? State::trailer_first : State::chunk);
    case State::chunk_cr: return expect('\r', State::chunk_lf);
    case State::chunk_lf: return expect('\n', State::size_first);
    case State::trailer_first:
      if (c == '\r')
        state_ = State::end;
      else if (c == '\n' || c == ' ' || c == '\t')
        state_ = State::malformed;
      else
        state_ = State::trailer;
      return;
    case State::trailer:
      if (c == '\r')
        state_ = State::trailer_end;
      else if (c == '\n' || ++overhead_ > overhead_max)
        state_ = State::malformed;
      return;
    case State::trailer_end: return expect('\n', State::trailer_first);
    case State::end: return expect('\n', State::over);
    case State::bytes:
    case State::until_close:
    case State::over:
    case State::malformed:
    case State::chunk: UNREACHABLE();
  }
}

// --- writing ---

void append_request_head(std::string& out, const io::Request& request) {
  out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  append_header(out, "host", request.authority);
  for (const io::Header& header : request.headers) append_header(out, header.name, header.value);
}

void append_status_line(std::string& out, int status) {
  std::array<char, 4> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), status).ptr;
  out.append("HTTP/1.1 ").append(digits.data(), end).append(" ").append(reason_of(status));
  out.append("\r\n");
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_chunk(std::string& out, std::string_view bytes) {
  if (bytes.empty()) return;  // an empty chunk would be the last
  std::array<char, 17> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), bytes.size(), 16).ptr;
  out.append(digits.data(), end).append("\r\n").append(bytes).append("\r\n");
}

}  // namespace perdure::http
