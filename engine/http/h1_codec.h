// engine/http/h1_codec.h
//
// HTTP/1.1 messages as values: where a head ends, what it says, where its body ends.
// Heads are parsed by http-parser once they are complete.  Around it stand the checks
// that keep two parsers of one byte stream from disagreeing (request smuggling):
//
//     content-length and transfer-encoding together     refused
//     a length that differs or is not a number          refused
//     a transfer-encoding that is not "chunked"         refused (501)
//     a header line that continues the last (obs-fold)  refused
//     a blank before the colon, control characters      refused
//     none or several Host headers in HTTP/1.1          refused
//     chunks by the letter: hex size, CR LF, bytes, CR LF
//
// RFC 9112.  Everything here is pure: bytes in, values out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/io/http.h"

namespace perdure::http {

// Looks for the blank line that ends a head, however the bytes come.
class HeadScanner {
 public:
  enum class Found { nothing, head, folded_line };

  // `input` begins where the head does, each time, with more bytes at its end.
  Found scan(std::string_view input);
  std::size_t size() const { return size_; }  // of the head, blank line included
  void reuse() { *this = {}; }

 private:
  std::size_t line_ = 0, size_ = 0;
  bool any_line_ = false;
};

// How long a body is.
struct BodyLength {
  enum class Kind { known, chunked, until_close } kind = Kind::known;
  std::uint64_t bytes = 0;
};

struct H1Request {
  io::Request request;
  BodyLength body;
  bool keep_alive = false;
  bool continue_wanted = false;
  bool version_1_0 = false;
};

struct H1Response {
  io::Response response;
  BodyLength body;
  bool keep_alive = false;
};

// What is wrong with a request's head, as the status to answer it with.
struct BadHead {
  int status = 400;
  std::string_view why;
};

std::expected<H1Request, BadHead> parse_request(std::string_view head);
// `to_head`: it answers a HEAD request, so no body follows whatever it says.
Result<H1Response> parse_response(std::string_view head, bool to_head);

// Takes a body out of the bytes of a connection.
class BodyReader {
 public:
  BodyReader() = default;
  explicit BodyReader(BodyLength length);

  // How many of the bytes are used; what of them is body is appended to `body`.
  // Stops early when `body` has got `limit` bytes.
  std::size_t read(std::string_view bytes, std::string& body, std::size_t limit);
  // No more bytes will come: that is the end of some bodies.
  void input_ended();
  bool over() const { return state_ == State::over; }
  bool malformed() const { return state_ == State::malformed; }

 private:
  enum class State {
    bytes,
    until_close,
    over,
    malformed,
    size_first,
    size,
    extension,
    size_end,  // "1a;name=value" CR LF
    chunk,
    chunk_cr,
    chunk_lf,
    trailer_first,
    trailer,
    trailer_end,
    end,  // lines after the last chunk, dropped
  };
  void step(char c);
  void note_digit(char c);

  State state_ = State::over;
  std::uint64_t left_ = 0;    // of the body or the chunk
  std::size_t overhead_ = 0;  // bytes of extensions and trailers
};

void append_request_head(std::string& out, const io::Request& request);
void append_status_line(std::string& out, int status);
void append_header(std::string& out, std::string_view name, std::string_view value);
void append_chunk(std::string& out, std::string_view bytes);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace perdure::http
