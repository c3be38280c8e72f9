// engine/io/http.h
//
// HTTP as the engine sees it: requests that come in, and calls to user handlers that
// go out; both are a head and a stream of body bytes each way.  HTTP/1.1 and HTTP/2
// look the same from here.
//
// Promised   Header names are lower-case.  Body bytes arrive in order; the end of a
//            body is told apart from a stream that broke (`failed`).  Both directions
//            flow at once.  write() parks when the other side does not read: what is
//            buffered for one stream is bounded by Limits.  What belongs to one hop
//            (connection, host, te, ...) or is said by the protocol (content-length, date)
//            is dropped from what the engine says.  An answer to HEAD, and a 204 or 304,
//            has no body whatever is written.
// Allowed    Heads that arrive may have a content-length and a date.  A stream may break at
//            any byte, and what was written may or may not have been read.  A write that
//            fails may have taken a part of its bytes, so nobody can go on behind it.  An
//            answer may come before the request's body has ended.  The fiber that serves an
//            exchange may be cancelled once its client is gone.
// Not here   routes, JSON, retries, trailers.
//
// One fiber may read a body while another writes the other one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/fibers.h"

namespace perdure::io {

struct Header {
  std::string name;   // lower-case
  std::string value;  // as it came, without surrounding blanks
  friend bool operator==(const Header&, const Header&) = default;
};
using Headers = std::vector<Header>;

// The first value of that name; nullptr when there is none.
inline const std::string* find_header(const Headers& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (header.name == name) return &header.value;
  }
  return nullptr;
}

enum class HttpVersion { http1, http2 };

struct Request {
  std::string method;     // "GET"
  std::string target;     // path and query as they came: "/Greeter/hi?delay=5s"
  std::string authority;  // "localhost:8080"
  Headers headers;        // without pseudo headers and connection headers
};

struct Response {
  int status = 200;
  Headers headers;
};

// One request that came in; lives as long as the fiber that serves it.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const Request& request() const = 0;
  virtual HttpVersion version() const = 0;
  virtual std::string peer() const = 0;
  // The next bytes of the body; "" at its end.  Errors: timed_out, cancelled, failed.
  virtual Result<std::string> read(Instant deadline) = 0;
  // Head and the whole body at once: the usual answer.  Once; never parks.
  virtual void respond(Response, std::string body) = 0;
  // Or in pieces: head, then bytes, then the end.
  virtual void start(Response) = 0;
  virtual Result<void> write(std::string_view bytes, Instant deadline) = 0;
  virtual void finish() = 0;
  // Ends the stream with an error.  An exchange whose server function returns without
  // having answered is reset too.
  virtual void reset() = 0;
};

// Bounds of a server; what exceeds them is answered (413, 431) or reset, and counted.
struct HttpLimits {
  std::size_t head_bytes = 64 * 1024;           // request line and headers, one request
  std::size_t body_buffer_bytes = 256 * 1024;   // unread or unsent, one stream, one direction
  std::uint32_t streams_per_connection = 1024;  // HTTP/2, at once
  std::uint32_t connections = 50'000;           // at once
  Duration idle = std::chrono::minutes(5);      // a connection without a stream
  Duration head = std::chrono::seconds(30);     // from the first byte of a head to its end
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;
  virtual std::string address() const = 0;  // the port really bound
  // Accepts no more, tells clients so (GOAWAY, connection: close), lets exchanges end
  // until the deadline, then resets the rest.  Parks.
  virtual void stop(Instant deadline) = 0;
};

// Where a call goes.  One pool of connections for each value.
struct HttpTarget {
  std::string scheme;                        // "http"; "https" answers `invalid` until TLS is here
  std::string authority;                     // "127.0.0.1:9080"
  HttpVersion version = HttpVersion::http2;  // prior knowledge, never by upgrade
  friend auto operator<=>(const HttpTarget&, const HttpTarget&) = default;
};

// A call that goes out.  Destroying it before both sides have ended resets it.  Where an
// error is retry_later, the server has surely not looked at the request.
class HttpCall {
 public:
  virtual ~HttpCall() = default;
  // The request's body.  Errors: timed_out, cancelled, failed, retry_later.
  virtual Result<void> write(std::string_view bytes, Instant deadline) = 0;
  virtual void finish() = 0;
  // Parks until the head of the answer is there.
  virtual Result<Response> response(Instant deadline) = 0;
  virtual Result<std::string> read(Instant deadline) = 0;  // "" at the end
};

class Http {
 public:
  // Runs in a fiber of its own for each request; returns when it is done with it.
  using Serve = std::function<void(Exchange&)>;

  virtual ~Http() = default;
  // Errors: conflict (port in use), invalid (address).
  virtual Result<std::unique_ptr<HttpServer>> serve(std::string_view address, HttpLimits,
                                                    Serve) = 0;
  // Opens a stream, on a pooled connection where one has room.  The head is
  // sent at once; the body follows by write(), and finish() ends it, also an empty one.
  // Errors: timed_out, cancelled, failed (refused), invalid.
  virtual Result<std::unique_ptr<HttpCall>> call(const HttpTarget&, Request, Instant deadline) = 0;
};

}  // namespace perdure::io
