// net/verbs/caller.h
//
// One request to a server, from a program that is none: a loop of its own for as long as
// it takes.
#pragma once

#include <memory>
#include <string>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/io/http.h"
#include "net/tls/credentials.h"

namespace perdure::net {

struct Answer {
  int status = 0;
  io::Headers headers;
  std::string body;
};

// `address` is "host:port" of a node port; with credentials over TLS.  Blocks.  Errors:
// timed_out, failed (refused, broken), not_found (the host's name), invalid.
Result<Answer> call(const std::string& address, io::Request request, const std::string& body,
                    Duration within,
                    const std::shared_ptr<const Credentials>& credentials = nullptr);

}  // namespace perdure::net
