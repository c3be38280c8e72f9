// engine/node/operations.h
//
// The node's own port, for people and their tools: is it alive, what does it count, what
// does the cluster look like from here.
//
//     GET  /health                   JSON: name, cluster, incarnation, partitions led
//     GET  /metrics                  Prometheus text, from the host (Options::metrics)
//     GET  /cluster/status           JSON: nodes, and every partition of this one
//     GET  /cluster/partitions       JSON: where partitions are to be (plan_view.h)
//     GET  /cluster/logs             JSON: the loglets of each log (plan_view.h)
//     POST /cluster/join             a process with an empty disk (joining.h)
//     POST /cluster/provision        a node that waits for it makes its cluster
//     POST /cluster/nodes/ID/STATE   active, draining or gone (nodes.h), the last of a node that
//                                    has nothing any more; lost: gone at once
//     POST /cluster/partitions/ID/…  who leads it, and whether that may change (reconfigure.h)
//     POST /cluster/replication      body: as --replication
//     GET  /cluster/metadata/KEY     an object of the metadata store, and in the header
//                                    `version` how often it was written; 404: never
//     GET, POST  /log...             the logs (log_verbs.h)
//     PUT  /cluster/metadata/KEY     writes it if its version is that of the header
//                                    `expected-version`; 409: it is another one
//
// What changes something asks the host first (Options::admits): with a shared secret a
// request must prove that it knows it.
//
// Errors are JSON: {"code": "conflict", "message": "..."}.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/control/metadata.h"
#include "engine/control/nodes.h"
#include "engine/io/http.h"
#include "engine/io/world.h"

namespace perdure::node {

class Operations {
 public:
  // Each is asked in the fiber of a request, and may park.
  struct Sources {
    std::function<control::Metadata*()> metadata;  // nullptr: not yet
    std::function<std::string()> health;           // JSON
    std::function<std::string()> metrics;          // Prometheus text
    std::function<Result<std::string>()> cluster;  // JSON
    // JSON; POST changes something.
    std::function<Result<std::string>(std::string_view method, std::string_view target)> log;
    std::function<Result<void>(const io::Request&, std::string_view body)> admits;
    std::function<Result<std::string>(std::string_view question)> join;
    std::function<void()> provision;
  };
  Operations(io::World& world, Sources sources) : world_(world), sources_(std::move(sources)) {}

  void serve(io::Exchange&);

 private:
  void serve_view(io::Exchange&, Result<std::string> (*view)(io::World&, control::Metadata&));
  void serve_log(io::Exchange&);
  void serve_metadata(io::Exchange&, std::string key);
  void get(io::Exchange&, const std::string& key);
  void put(io::Exchange&, std::string key);
  void serve_change(io::Exchange&, const std::string& path);
  Result<std::string> change(const std::string& path, std::string_view body);
  Result<std::string> change_node(std::uint64_t id, std::string_view state);
  Result<void> see_drained(control::Metadata&, NodeId, Instant deadline);
  Result<void> see_enough(control::Metadata&, const control::Nodes&, Instant deadline);
  Result<std::string> change_partition(std::uint64_t id, std::string_view words);
  Result<std::string> change_replication(std::string_view text);
  Result<control::Metadata*> metadata() const;

  io::World& world_;
  const Sources sources_;
};

}  // namespace perdure::node
