// engine/admin/admin.h
//
// The operator's verbs, over HTTP: what the `restate` command line and web UI call.
//
//     request ─► routes.cpp: method, path ─► one function in <resource>.cpp ─► reply
//
// The same routes answer at /, /v2, /v3 and /v4; /v1 is refused.  What a route does is a
// question to the Registry (deployments, services) or to Partitions (invocations, state).
//
// In      requests of operators, as io::Exchange
// Out     changes of the schema; commands to partitions
// Not     SQL, subscriptions, rules and the web UI: who asks for them is told so
// Read    routes.cpp is the table of contents
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/time.h"
#include "engine/io/http.h"
#include "engine/io/world.h"
#include "engine/wire/ids.h"
#include "engine/wire/invocation.h"
#include "engine/wire/schema.h"

namespace perdure::admin {

// Why not, as an operator is told.  `code` is documented ("META0006"), or empty.
struct Refused {
  int status = 500;
  std::string code;
  std::string message;  // without the code
};
template <class T>
using OrRefused = std::expected<T, Refused>;

struct Registration {
  std::string uri;
  bool use_http_11 = false;
  std::vector<wire::KeyValue> additional_headers, metadata;
  bool force = false, breaking = false, dry_run = false;
};
struct Registered {
  wire::Schema schema;  // in which it stands
  wire::DeploymentId deployment;
  bool created = false;
};
struct DeploymentUpdate {
  std::optional<std::string> uri;
  std::optional<bool> use_http_11;
  std::optional<std::vector<wire::KeyValue>> additional_headers;
  bool overwrite = false, dry_run = false;
};
struct ServicePatch {
  std::optional<bool> is_public;
  std::optional<std::chrono::milliseconds> idempotency_retention, workflow_completion_retention,
      journal_retention, inactivity_timeout, abort_timeout;
};

// What this room needs of the schema's keeper.  All park; what they return is durable,
// and the schema they return is the one after the change.
class Registry {
 public:
  virtual ~Registry() = default;
  virtual OrRefused<wire::Schema> current() = 0;
  virtual OrRefused<Registered> add(Registration) = 0;
  virtual OrRefused<wire::Schema> update(wire::DeploymentId, DeploymentUpdate) = 0;
  virtual OrRefused<wire::Schema> remove(wire::DeploymentId) = 0;
  virtual OrRefused<wire::Schema> modify(std::string_view service, const ServicePatch&) = 0;
};

// Where an invocation is in its life, as far as the verbs care.
enum class Stage { scheduled, inboxed, running, suspended, paused, completed };
struct Look {
  Stage stage = Stage::running;  // ready, running and backing off are all "running"
  std::optional<wire::DeploymentId> pinned;
  std::uint32_t protocol_version = 0;  // pinned with it; 0: none yet
  std::string service;                 // that it calls
};

// What is kept of a completed one, for who restarts it as another.
struct Past {
  wire::Target target;
  wire::Retention retention;
  std::optional<wire::DeploymentId> pinned;
  std::uint32_t protocol_version = 0;  // pinned with it
  std::uint64_t random_seed = 0;
  std::string traceparent;
  std::string journal;  // frames; empty: not kept
  static constexpr auto fields = std::tuple(
      wire::field(1, "target", &Past::target), wire::field(2, "retention", &Past::retention),
      wire::field(3, "pinned", &Past::pinned),
      wire::field(4, "protocol_version", &Past::protocol_version),
      wire::field(5, "random_seed", &Past::random_seed),
      wire::field(6, "traceparent", &Past::traceparent), wire::field(7, "journal", &Past::journal));
};

struct Submitted {
  // Set: nothing was done, since the time in the request's id is too far from this one, by
  // which its partition goes.  An id of that time would do.
  std::optional<WallTime> refused_at = {};
};

// What it needs of the partitions.
class Partitions {
 public:
  virtual ~Partitions() = default;
  // Errors: not_found; retry_*, timed_out, failed, cancelled.
  virtual Result<Look> look(const wire::InvocationId&, Instant deadline) = 0;
  // Errors: not_found when it has not completed; as above.
  virtual Result<Past> past(const wire::InvocationId&, Instant deadline) = 0;
  // Parks until the record (an encoded wire::Record without its stamp) is committed and
  // applied.  May be submitted again.  Errors: retry_*: not in the log; timed_out, failed:
  // perhaps; full; cancelled.
  virtual Result<Submitted> submit(std::uint64_t partition_key, std::string_view record,
                                   Instant deadline) = 0;
};

struct Options {
  std::string version;           // of this server
  std::string ingress_endpoint;  // "http://127.0.0.1:8080/"; empty: not told
  std::string cluster_name;
  // Numbers of the nodes that keep the metadata, as of now.
  std::function<std::vector<std::uint64_t>()> metadata_members;
  wire::EffectiveOptions handler_defaults;
  std::size_t body_bytes_max = 4 << 20;
  std::size_t requests_max = 1000;                    // at once; more are answered 429
  Duration give_up_after = std::chrono::seconds(30);  // what a partition is asked
  Duration retry_pause = std::chrono::milliseconds(100);
  Duration body_silence_max = std::chrono::seconds(30);
};

// All are borrowed, and outlive the Admin.
struct Needs {
  io::Clock& clock;
  io::Fibers& fibers;
  io::Random& random;
  io::Trace& trace;
  Registry& registry;
  Partitions& partitions;
};

class Admin {
 public:
  Admin(Needs needs, Options options) : needs_(needs), options_(std::move(options)) {}

  // One request, from its head to its answer.  Runs in the fiber of the exchange.
  void serve(io::Exchange&);

 private:
  Needs needs_;
  const Options options_;
  std::size_t requests_ = 0;
};

}  // namespace perdure::admin
