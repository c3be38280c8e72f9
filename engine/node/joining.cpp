#include "engine/node/joining.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/io/http.h"
#include "engine/io/peers.h"
#include "engine/io/trace.h"
#include "engine/node/metadata_update.h"

namespace perdure::node {
namespace {

constexpr Duration patience = std::chrono::seconds(5);  // with one address
constexpr Duration pause = std::chrono::milliseconds(200);
constexpr int rounds_before_it_begins = 10;  // of a node that others may come before
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

// invalid: for good.  retry_later: another try may cure it.  conflict: perhaps.  not_found: it
// is in no cluster itself.
Code code_of(int status) {
  if (status == 409) return Code::conflict;
  if (status == 404) return Code::not_found;
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
  TRY(call, world.peers.call(address, std::move(request), deadline));
  TRY_VOID(call->write(question, deadline));
  call->finish();
  TRY(response, call->response(deadline));
  TRY(body, whole_body(*call, deadline));
  if (response.status != 200) {
    return fail(code_of(response.status), body);
  }
  return wire::decode<JoinAnswer>(body);
}

// Does this error say that there is no cluster at that address, or nobody?  Else there is one.
bool is_nobody(const Error& why) {
  return why.code == Code::not_found || why.code == Code::failed || why.code == Code::timed_out;
}

// Whether a node that found nobody in so many rounds may make the cluster.
bool may_begin(const Options& options, const std::string& own_address, int rounds) {
  const bool alone = std::ranges::all_of(
      options.join, [&](const std::string& address) { return address == own_address; });
  if (alone) return true;
  const bool first = options.join.front() == own_address;
  return options.auto_provision.value_or(first) && (first || rounds >= rounds_before_it_begins);
}

}  // namespace

Result<JoinAnswer> join(io::World& world, const Options& options,
                        const control::NodeEntry& process) {
  const std::string question =
      wire::encode(JoinQuestion{.cluster = options.cluster_name, .process = process});
  const Instant conflict_is_final = world.clock.steady() + conflict_patience;
  int rounds = 0;  // in a row that found nobody
  while (true) {
    bool nobody = true;
    for (const std::string& address : options.join) {
      if (address == process.address) continue;  // we are no cluster yet
      Result<JoinAnswer> answer = ask(world, options, address, question);
      if (answer) return answer;
      const Error& why = answer.error();
      if (why.code == Code::cancelled) return answer;
      world.trace.event(io::Level::info, "node.join.not_yet",
                        {{"address", address}, {"why", why.detail}});
      const bool in_use = why.code == Code::conflict && world.clock.steady() >= conflict_is_final;
      if (why.code == Code::invalid || in_use) {
        return fail(Code::invalid, address + " does not let this node join: " + why.detail);
      }
      nobody = nobody && is_nobody(why);
    }
    rounds = nobody ? rounds + 1 : 0;
    if (nobody && may_begin(options, process.address, rounds)) {
      return fail(Code::not_found, "there is no cluster to join yet");
    }
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
