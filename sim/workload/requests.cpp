#include "sim/workload/requests.h"

#include "engine/io/random.h"

namespace perdure::sim {

io::HttpVersion some_version(io::World& world) {
  const bool older = world.random.below("client.http", 4) == 0;
  return older ? io::HttpVersion::http1 : io::HttpVersion::http2;
}

Result<Answered> ask(io::World& world, const Asked& asked, Instant deadline) {
  TRY(call,
      world.http.call({.scheme = "http", .authority = asked.authority, .version = asked.version},
                      {.method = asked.method,
                       .target = asked.target,
                       .authority = asked.authority,
                       .headers = asked.headers},
                      deadline));
  // An early answer may break off our body; the answer counts.
  if (!asked.body.empty()) (void)call->write(asked.body, deadline);
  call->finish();
  TRY(response, call->response(deadline));
  Answered answer = {.status = response.status};
  if (const auto* id = io::find_header(response.headers, "x-restate-id")) answer.invocation = *id;
  while (true) {
    TRY(some, call->read(deadline));
    if (some.empty()) return answer;
    answer.body += some;
  }
}

}  // namespace perdure::sim
