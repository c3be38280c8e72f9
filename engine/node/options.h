// engine/node/options.h
//
// What a node is told when it is made.  Paths and units are those of engine/io; the
// host turns flags, environment and files into this (net/options.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/control/nodes.h"
#include "engine/io/http.h"
#include "engine/log/quorum.h"
#include "engine/processor/bounds.h"
#include "engine/wire/features.h"
#include "engine/wire/schema.h"

namespace perdure::processor {
class Witness;
}

namespace perdure::node {

struct Options {
  std::string cluster_name = "perdure";
  std::string node_name = "n1";
  std::string version;                            // of this build, for /version and the log
  std::uint32_t features = wire::features_known;  // less: as an older release would
  // Of an empty data directory: node addresses of a cluster to join, one of which answers.
  // Without any, the node makes its own cluster, of which it is node 1.
  std::vector<std::string> join;
  // Makes a cluster without being told to (POST /cluster/provision): true, when it finds none
  // to join; false, never; absent, when it has nobody else to ask, or is the first to be asked.
  std::optional<bool> auto_provision;
  log::Replication replication;  // of a new cluster: of its log, and of partitions
  std::uint32_t roles = control::every_role;
  std::string zone, region;       // where it stands
  std::uint32_t partitions = 24;  // of a new cluster; an existing one keeps its number

  // "host:port".  Every shard listens on the ingress address; shard 0 has the others.
  std::string ingress_address = "127.0.0.1:8080";
  std::string admin_address = "127.0.0.1:9070";
  std::string node_address = "127.0.0.1:5122";
  std::string advertised_ingress;  // shown by /version; empty: the address itself
  std::string advertised_node;     // shown to other nodes and operators; the same

  std::size_t request_bytes_max = 32u << 20;          // of a request body, and of one message
  std::uint32_t concurrent_requests_max = 50'000;     // at the ingress, one shard
  std::uint32_t concurrent_invocations_max = 10'000;  // attempts in flight, one shard
  bool protocol_v7 = false;                           // offer version 7 to new invocations
  wire::EffectiveOptions invocation_defaults;

  std::uint64_t segment_bytes = 64u << 20;                 // of the WAL
  std::uint64_t log_bytes_max = std::uint64_t{256} << 30;  // files of one stream of the WAL
  // Log behind the last checkpoints, all partitions of a shard: what a crash replays.
  std::uint64_t checkpoint_log_bytes = 8u << 20;
  std::uint64_t dirty_bytes_max = 64u << 20;  // rows in memory, all partitions of a shard
  Duration checkpoint_every = std::chrono::minutes(1);
  std::size_t snapshot_piece_bytes = 1 << 20;  // of what other nodes fetch, at a time
  processor::Bounds bounds;                    // of each partition
  std::function<std::string()> metrics;        // Prometheus text of this process; may be empty
  // Whether a request to the node port may change something; empty: each may.  Error:
  // fenced, with the reason.
  std::function<Result<void>(const io::Request&, std::string_view body, WallTime)> admits;
  // What a request to the node port of another shows, that it may; may be empty.
  std::function<io::Header(const io::Request&, std::string_view body, WallTime)> proves;
  Duration drain = std::chrono::seconds(5);  // what a graceful stop waits for requests
  processor::Witness* witness = nullptr;     // of checks; outlives the node
};

// What one limit lets in, the next must hold, or it would be refused late.  Error: invalid.
Result<void> check_limits(const Options&);

}  // namespace perdure::node
