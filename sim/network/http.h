// sim/network/http.h
//
// io::Http at message level: a request is a conduit whose opening carries the head;
// bodies are its bytes.  No framing, no parsing: ten times fewer events than HTTP/2 over
// simulated streams, for most seeds.
//
// A first call to a process takes a round trip to connect, later ones find the
// connection in the pool; a pooled connection to a process that has died answers with
// a reset.
//
// Not here: limits on connections and streams, head timeouts: those are engine/http's,
// and are exercised in the runs that use it.
#pragma once

#include <map>
#include <memory>
#include <string_view>

#include "engine/io/http.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class SimHttp final : public io::Http {
 public:
  explicit SimHttp(Shard& shard) : shard_(shard) {}
  Result<std::unique_ptr<io::HttpServer>> serve(std::string_view address, io::HttpLimits limits,
                                                Serve serve) override;
  Result<std::unique_ptr<io::HttpCall>> call(const io::HttpTarget& target, io::Request request,
                                             Instant deadline) override;

 private:
  Shard& shard_;
  std::map<io::HttpTarget, Life> pool_;  // whom we have a connection to
};

}  // namespace perdure::sim
