#include "engine/node/joining.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/io/http.h"
#include "engine/io/trace.h"
#include "engine/node/metadata_update.h"

namespace perdure::node {
namespace {

constexpr Duration patience = std::chrono::seconds(5);  // with one address
constexpr Duration pause = std::chrono::milliseconds(200);
// Our name is that of a node with another disk: perhaps of the one whose place we take, and
// it is not taken for dead yet.
constexpr Duration conflict_patience = std::chrono::seconds(15);
constexpr Duration store_patience = std::chrono::seconds(4);
constexpr std::size_t answer_bytes_max = 4 << 20;

struct JoinQuestion {
  std::string cluster;
  control::NodeEntry process;
  static constexpr auto fields = std::tuple(wire::field(1, "cluster", &JoinQuestion::cluster),
                                            wire::field(2, "process", &JoinQuestion::process));
};

Result<std::string> whole_body(io::HttpCall& call, Instant deadline) {
  std::string body;
  while (true) {
    TRY(piece, call.read(deadline));
    if (piece.empty()) return body;
    body += piece;
    if (body.size() > answer_bytes_max) return fail(Code::invalid, "its answer has no end");
  }
}

// invalid: for good.  retry_later: another try may cure it.  conflict: perhaps.
Code code_of(int status) {
  if (status == 409) return Code::conflict;
  return status == 400 || status == 403 ? Code::invalid : Code::retry_later;
}

Result<JoinAnswer> ask(io::World& world, const Options& options, const std::string& address,
                       const std::string& question) {
  const Instant deadline = world.clock.steady() + patience;
  io::Request request{.method = "POST",
                      .target = std::string(join_path),
                      .authority = address,
                      .headers = {{"content-type", "application/octet-stream"}}};
  if (options.proves) {
    request.headers.push_back(options.proves(request, question, world.clock.wall()));
  }
  TRY(call,
      world.http.call({.scheme = "http", .authority = address}, std::move(request), deadline));
  TRY_VOID(call->write(question, deadline));
  call->finish();
  TRY(response, call->response(deadline));
  TRY(body, whole_body(*call, deadline));
  if (response.status != 200) {
    return fail(code_of(response.status), body);
  }
  return wire::decode<JoinAnswer>(body);
}

}  // namespace

Result<JoinAnswer> join(io::World& world, const Options& options,
                        const control::NodeEntry& process) {
  const std::string question =
      wire::encode(JoinQuestion{.cluster = options.cluster_name, .process = process});
  const bool first_of_all = options.join.empty() || options.join.front() == process.address;
  const Instant conflict_is_final = world.clock.steady() + conflict_patience;
  while (true) {
    for (const std::string& address : options.join) {
      if (address == process.address) continue;  // we are no cluster yet
      Result<JoinAnswer> answer = ask(world, options, address, question);
      if (answer) return answer;
      if (answer.error().code == Code::cancelled) return answer;
      world.trace.event(io::Level::info, "node.join.not_yet",
                        {{"address", address}, {"why", answer.error().detail}});
      const bool in_use =
          answer.error().code == Code::conflict && world.clock.steady() >= conflict_is_final;
      if (answer.error().code == Code::invalid || in_use) {
        return fail(Code::invalid,
                    address + " does not let this node join: " + answer.error().detail);
      }
    }
    if (first_of_all) return fail(Code::not_found, "there is no cluster to join yet");
    TRY_VOID(world.fibers.sleep_until(world.clock.steady() + pause));
  }
}

Result<std::string> admit_newcomer(io::World& world, control::Metadata& metadata,
                                   const Options& options, const Layout& layout,
                                   std::string_view bytes,
                                   const std::function<bool(NodeId)>& is_dead) {
  TRY(question, wire::decode<JoinQuestion>(bytes));
  if (question.cluster != options.cluster_name) {
    return fail(Code::invalid,
                "this is cluster '" + options.cluster_name + "', not '" + question.cluster + "'");
  }
  control::NodeEntry& process = question.process;
  TRY(nodes, update<control::Nodes>(
                 world, metadata, control::nodes_key, world.clock.steady() + store_patience,
                 [&](control::Nodes nodes) -> Result<control::Nodes> {
                   const control::NodeEntry* const known = nodes.find(process.name);
                   const bool other = known != nullptr && known->storage != process.storage;
                   if (other && is_dead(known->id)) {
                     TRY(left, control::without(std::move(nodes), known->id));
                     nodes = std::move(left);
                   }
                   return control::joined(std::move(nodes), process);
                 }));
  const control::NodeEntry* const entry = nodes.find(process.name);
  if (entry == nullptr) return fail(Code::failed, "the newcomer is gone already");
  world.trace.event(io::Level::info, "node.joined",
                    {{"node", entry->id.raw()}, {"name", entry->name}});
  return wire::encode(
      JoinAnswer{.node = entry->id, .fingerprint = layout.fingerprint, .nodes = nodes});
}

}  // namespace perdure::node
