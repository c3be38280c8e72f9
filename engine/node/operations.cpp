#include "engine/node/operations.h"

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "engine/io/clock.h"
#include "engine/io/trace.h"
#include "engine/node/joining.h"
#include "engine/node/metadata_chains.h"
#include "engine/node/metadata_update.h"
#include "engine/node/plan_view.h"
#include "engine/node/reconfigure.h"
#include "engine/wire/json.h"

namespace perdure::node {
namespace {

constexpr std::size_t value_bytes_max = 8 << 20;
constexpr Duration patience = std::chrono::seconds(10);

io::Response head(int status, std::string content_type) {
  return {.status = status, .headers = {{"content-type", std::move(content_type)}}};
}

int status_of(Code code) {
  switch (code) {
    case Code::invalid: return 400;
    case Code::not_found: return 404;
    case Code::conflict: return 409;
    case Code::full: return 507;
    case Code::fenced: return 403;
    case Code::timed_out: return 504;
    case Code::retry_later:
    case Code::retry_elsewhere: return 503;
    default: return 500;
  }
}

void refuse(io::Exchange& exchange, const Error& why) {
  std::string text = "{\"code\":";
  wire::append_json(text, name_of(why.code));
  text += ",\"message\":";
  wire::append_json(text, why.detail);
  exchange.respond(head(status_of(why.code), "application/json"), text + "}\n");
}

void answer(io::Exchange& exchange, const Result<std::string>& json) {
  if (!json) return refuse(exchange, json.error());
  exchange.respond(head(200, "application/json"), *json);
}

Result<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, number).ptr != end) {
    return fail(Code::invalid, "'" + std::string(text) + "' is not a number");
  }
  return number;
}

Result<std::string> whole_body(io::Exchange& exchange, Instant deadline) {
  std::string body;
  while (true) {
    TRY(piece, exchange.read(deadline));
    if (piece.empty()) return body;
    body += piece;
    if (body.size() > value_bytes_max) return fail(Code::invalid, "the body is too large");
  }
}

}  // namespace

void Operations::serve(io::Exchange& exchange) {
  const io::Request& request = exchange.request();
  const std::string path = request.target.substr(0, request.target.find('?'));
  constexpr std::string_view metadata = "/cluster/metadata/";
  if (path.starts_with(metadata) && path.size() > metadata.size()) {
    return serve_metadata(exchange, path.substr(metadata.size()));
  }
  if (request.method == "POST" && path.starts_with("/cluster/")) {
    return serve_change(exchange, path);
  }
  if (path == "/log" || path.starts_with("/log/")) return serve_log(exchange);
  if (request.method != "GET" && request.method != "HEAD") {
    return exchange.respond(head(405, "text/plain"), "method not allowed\n");
  }
  if (path == "/health") {
    return exchange.respond(head(200, "application/json"), sources_.health());
  }
  if (path == "/metrics") {
    return exchange.respond(head(200, "text/plain; version=0.0.4"), sources_.metrics());
  }
  if (path == "/cluster/status") return answer(exchange, sources_.cluster());
  if (path == "/cluster/partitions") return serve_view(exchange, plan_text);
  if (path == "/cluster/logs") return serve_view(exchange, logs_text);
  exchange.respond(head(404, "text/plain"),
                   "the node port has /health, /metrics, /cluster/status, "
                   "/cluster/partitions, /cluster/logs, /cluster/metadata/KEY, /log and what "
                   "operators post to /cluster/\n");
}

void Operations::serve_view(io::Exchange& exchange,
                            Result<std::string> (*view)(io::World&, control::Metadata&)) {
  const Result<control::Metadata*> store = metadata();
  answer(exchange, store ? view(world_, **store) : std::unexpected(store.error()));
}

Result<control::Metadata*> Operations::metadata() const {
  control::Metadata* const found = sources_.metadata();
  if (found == nullptr) return fail(Code::retry_later, "this node is not in a cluster yet");
  return found;
}

// What changes something and is answered with a body.
void Operations::serve_change(io::Exchange& exchange, const std::string& path) {
  const Result<std::string> body = whole_body(exchange, world_.clock.steady() + patience);
  if (!body) return refuse(exchange, body.error());
  if (const Result<void> admitted = sources_.admits(exchange.request(), *body); !admitted) {
    return refuse(exchange, admitted.error());
  }
  const Result<std::string> answer = change(path, *body);
  if (!answer) return refuse(exchange, answer.error());
  exchange.respond(head(200, path == join_path ? "application/octet-stream" : "application/json"),
                   *answer);
}

Result<std::string> Operations::change(const std::string& path, std::string_view body) {
  if (path == "/cluster/provision") {
    if (sources_.metadata() != nullptr) {
      return fail(Code::conflict, "this node is in a cluster already");
    }
    sources_.provision();
    return "{}\n";
  }
  if (path == join_path) return sources_.join(body);
  if (path == "/cluster/replication") return change_replication(body);
  for (const auto& [noun, change_one] :
       {std::pair(std::string_view("/cluster/nodes/"), &Operations::change_node),
        std::pair(std::string_view("/cluster/partitions/"), &Operations::change_partition)}) {
    if (!path.starts_with(noun)) continue;
    const std::string_view rest = std::string_view(path).substr(noun.size());
    const std::size_t slash = rest.find('/');
    if (slash == rest.npos) continue;
    TRY(id, number_of(rest.substr(0, slash)));
    return (this->*change_one)(id, rest.substr(slash + 1));
  }
  return fail(Code::not_found, "nothing is posted to " + path);
}

Result<std::string> Operations::change_partition(std::uint64_t id, std::string_view words) {
  TRY(store, metadata());
  TRY_VOID(update<control::Plan>(
      world_, *store, control::plan_key, world_.clock.steady() + patience,
      [&](control::Plan before) { return replanned(std::move(before), PartitionId(id), words); }));
  world_.trace.event(io::Level::warn, "node.plan.reconfigured", {{"partition", id}, {"to", words}});
  return plan_text(world_, *store);
}

Result<std::string> Operations::change_replication(std::string_view text) {
  TRY(store, metadata());
  const Instant deadline = world_.clock.steady() + patience;
  TRY(found, store->get(control::nodes_key, deadline));
  TRY(nodes, wire::decode<control::Nodes>(found.value));
  TRY(config,
      update<ClusterConfig>(world_, *store, cluster_key, deadline, [&](ClusterConfig before) {
        return with_replication(std::move(before), text, nodes);
      }));
  world_.trace.event(io::Level::warn, "node.replication.changed",
                     {{"to", log::to_text(config.replication)}});
  return plan_text(world_, *store);
}

Result<void> Operations::see_drained(control::Metadata& store, NodeId node, Instant deadline) {
  TRY(found, store.get(control::plan_key, deadline));
  TRY(plan, wire::decode<control::Plan>(found.value));
  std::vector<PartitionId> all;
  for (const control::PlanLine& line : plan.lines) all.push_back(line.partition);
  TRY(versioned, MetadataChains(world_, store).read(all));
  std::vector<log::Chain> chains;
  for (log::VersionedChain& each : versioned) chains.push_back(std::move(each.chain));
  return check_drained(node, plan, chains);
}

// Of logs that cannot be written to nothing would ever move off the drained node.
Result<void> Operations::see_enough(control::Metadata& store, const control::Nodes& nodes,
                                    Instant deadline) {
  TRY(found, store.get(cluster_key, deadline));
  TRY(config, wire::decode<ClusterConfig>(found.value));
  return check_enough(nodes, config.replication);
}

Result<std::string> Operations::change_node(std::uint64_t id, std::string_view state_text) {
  TRY(store, metadata());
  std::optional<control::NodeState> state;
  for (const auto each :
       {control::NodeState::active, control::NodeState::draining, control::NodeState::gone}) {
    if (control::name_of(each) == state_text) state = each;
  }
  const bool lost = state_text == "lost";
  if (!state && !lost) {
    return fail(Code::invalid, "a node becomes active, draining, gone or lost, not '" +
                                   std::string(state_text) + "'");
  }
  const Instant deadline = world_.clock.steady() + patience;
  const auto change = [&](control::Nodes before) -> Result<control::Nodes> {
    if (lost) return control::without(std::move(before), NodeId(id));
    TRY(after, control::with_state(std::move(before), NodeId(id), *state));
    if (*state == control::NodeState::draining) TRY_VOID(see_enough(*store, after, deadline));
    if (*state == control::NodeState::gone) TRY_VOID(see_drained(*store, NodeId(id), deadline));
    return after;
  };
  TRY(nodes, update<control::Nodes>(world_, *store, control::nodes_key, deadline, change));
  const control::NodeState now = nodes.find(NodeId(id))->state;
  world_.trace.event(io::Level::warn, "node.state.changed",
                     {{"node", id}, {"state", control::name_of(now)}});
  return "{\"id\":" + std::to_string(id) + ",\"state\":\"" + std::string(control::name_of(now)) +
         "\"}\n";
}

void Operations::serve_log(io::Exchange& exchange) {
  const io::Request& request = exchange.request();
  if (request.method != "GET" && request.method != "POST") {
    return exchange.respond(head(405, "text/plain"), "method not allowed\n");
  }
  if (request.method == "POST") {
    const Result<std::string> body = whole_body(exchange, world_.clock.steady() + patience);
    if (!body) return refuse(exchange, body.error());
    if (const Result<void> admitted = sources_.admits(request, *body); !admitted) {
      return refuse(exchange, admitted.error());
    }
    world_.trace.event(io::Level::warn, "node.log.changed",
                       {{"what", request.target}, {"by", exchange.peer()}});
  }
  const Result<std::string> answer = sources_.log(request.method, request.target);
  if (!answer) return refuse(exchange, answer.error());
  exchange.respond(head(200, "application/json"), *answer);
}

void Operations::serve_metadata(io::Exchange& exchange, std::string key) {
  const std::string& method = exchange.request().method;
  if (method == "GET" || method == "HEAD") return get(exchange, key);
  if (method == "PUT") return put(exchange, std::move(key));
  exchange.respond(head(405, "text/plain"), "method not allowed\n");
}

void Operations::get(io::Exchange& exchange, const std::string& key) {
  const Result<control::Versioned> found = [&]() -> Result<control::Versioned> {
    TRY(store, metadata());
    return store->get(key, world_.clock.steady() + patience);
  }();
  if (!found) return refuse(exchange, found.error());
  if (found->version == 0) return refuse(exchange, {Code::not_found, "no object '" + key + "'"});
  io::Response response = head(200, "application/octet-stream");
  response.headers.push_back({"version", std::to_string(found->version)});
  exchange.respond(std::move(response), found->value);
}

void Operations::put(io::Exchange& exchange, std::string key) {
  const Instant deadline = world_.clock.steady() + patience;
  Result<std::string> body = whole_body(exchange, deadline);
  if (!body) return refuse(exchange, body.error());
  if (const Result<void> admitted = sources_.admits(exchange.request(), *body); !admitted) {
    return refuse(exchange, admitted.error());
  }
  const std::string* const text = io::find_header(exchange.request().headers, "expected-version");
  std::uint64_t expected = 0;
  const char* const end = text ? text->data() + text->size() : nullptr;
  if (!text || std::from_chars(text->data(), end, expected).ptr != end) {
    return refuse(exchange, {Code::invalid, "the header expected-version must be a number"});
  }
  control::Proposal proposal = new_proposal(world_);
  proposal.writes.push_back({.key = key, .expected = expected, .value = std::move(*body)});
  const Result<void> written = [&]() -> Result<void> {
    TRY(store, metadata());
    return store->compare_and_set(std::move(proposal), deadline);
  }();
  if (!written) return refuse(exchange, written.error());
  world_.trace.event(io::Level::warn, "node.metadata.written",
                     {{"key", key}, {"version", expected + 1}, {"by", exchange.peer()}});
  exchange.respond(head(200, "application/json"),
                   "{\"version\":" + std::to_string(expected + 1) + "}\n");
}

}  // namespace perdure::node
