#include "engine/node/plan_view.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "engine/control/plan.h"
#include "engine/io/clock.h"
#include "engine/node/layout.h"
#include "engine/node/metadata_chains.h"
#include "engine/wire/codec.h"

namespace perdure::node {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration patience = std::chrono::seconds(5);

template <class T>
Result<T> object(control::Metadata& metadata, std::string_view key, Instant deadline,
                 std::uint64_t* version = nullptr) {
  TRY(found, metadata.get(key, deadline));
  if (version != nullptr) *version = found.version;
  return wire::decode<T>(found.value);
}

std::uint64_t raw(std::optional<NodeId> node) { return node ? node->raw() : 0; }

Json json_of(const log::Chain& chain, std::size_t at) {
  const log::Loglet& loglet = chain.loglets[at];
  Json nodeset = Json::array();
  for (const log::Member& member : loglet.nodeset) nodeset.push_back(member.node.raw());
  return {{"id", loglet.id.raw()},
          {"base", loglet.base.raw()},
          {"tail", log::tail_of(chain, at).raw()},
          {"sequencer", loglet.sequencer.raw()},
          {"incarnation", loglet.incarnation.raw()},
          {"nodeset", std::move(nodeset)},
          {"replication", log::to_text(loglet.replication)}};
}

}  // namespace

Result<std::string> plan_text(io::World& world, control::Metadata& metadata) {
  const Instant deadline = world.clock.steady() + patience;
  TRY(config, object<ClusterConfig>(metadata, cluster_key, deadline));
  std::uint64_t version = 0;
  TRY(plan, object<control::Plan>(metadata, control::plan_key, deadline, &version));
  Json lines = Json::array();
  for (const control::PlanLine& line : plan.lines) {
    Json replicas = Json::array();
    for (const NodeId replica : line.replicas) replicas.push_back(replica.raw());
    lines.push_back({{"id", line.partition.raw()},
                     {"leader", raw(line.leader)},
                     {"replicas", std::move(replicas)},
                     {"pinned", raw(line.pinned)},
                     {"frozen", line.frozen}});
  }
  const Json whole = {{"version", version},
                      {"replication", log::to_text(config.replication)},
                      {"partitions", std::move(lines)}};
  return whole.dump() + "\n";
}

Result<std::string> logs_text(io::World& world, control::Metadata& metadata) {
  const Instant deadline = world.clock.steady() + patience;
  TRY(config, object<ClusterConfig>(metadata, cluster_key, deadline));
  std::vector<PartitionId> all;
  for (std::uint64_t p = 0; p < config.partitions; ++p) all.push_back(PartitionId(p));
  TRY(chains, MetadataChains(world, metadata).read(all));
  Json logs = Json::array();
  for (const PartitionId partition : all) {
    const log::VersionedChain& found = chains.at(partition.raw());
    Json loglets = Json::array();
    for (std::size_t at = 0; at < found.chain.loglets.size(); ++at) {
      loglets.push_back(json_of(found.chain, at));
    }
    logs.push_back({{"partition", partition.raw()},
                    {"version", found.version},
                    {"trim_point", found.chain.trim_point.raw()},
                    {"loglets", std::move(loglets)}});
  }
  return Json{{"logs", std::move(logs)}}.dump() + "\n";
}

}  // namespace perdure::node
