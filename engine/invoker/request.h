// engine/invoker/request.h
//
// The HTTP side of an attempt: the head that goes out, and what the head that comes
// back means.  Pure.
//
//     POST {deployment's path}/invoke/{service}/{handler}
//
// Answers: 2xx with the content type that was asked for is a conversation.  Others are
// failed attempts:
//
//     502 504  RT0010    429 503  RT0023, Retry-After    413  RT0019
//     415      RT0015    else, or another content type   RT0012
#pragma once

#include <optional>
#include <string>

#include "engine/invoker/failure.h"
#include "engine/invoker/needs.h"
#include "engine/io/http.h"

namespace perdure::invoker {

struct OutgoingRequest {
  io::HttpTarget target;
  io::Request request;
};

struct RequestPlan {
  wire::InvocationId id;
  const wire::Target& target;
  const wire::Deployment& deployment;
  std::uint32_t version = 0;
  std::string_view traceparent;
  const io::Headers& additional;  // the server's own, on every request
};

// Error: invalid, for a deployment address that is none.
Result<OutgoingRequest> request_for(const RequestPlan&);

std::string content_type_of(std::uint32_t version);  // application/vnd.restate.invocation.v6

// Nothing: it is a conversation.  `now` resolves a Retry-After that is a date.
std::optional<AttemptFailure> judge(const io::Response&, std::uint32_t version, WallTime now);

// "http://host:port/a/b/" in its parts.  Error: invalid.
struct Address {
  std::string_view scheme, authority, path;  // path: "" or "/a/b", no slash at its end
};
Result<Address> parse_address(std::string_view uri);

// Seconds, or an HTTP date; nothing when it is neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view, WallTime now);

std::string url_encode(std::string_view);

}  // namespace perdure::invoker
