#include "sim/workload/requests.h"

namespace perdure::sim {

Result<Answered> ask(io::World& world, const Asked& asked, Instant deadline) {
  TRY(call, world.http.call({.scheme = "http", .authority = asked.authority},
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
