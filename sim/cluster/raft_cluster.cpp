#include "sim/cluster/raft_cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/control/metadata_client.h"
#include "engine/io/fibers.h"
#include "engine/io/random.h"
#include "engine/node/group_members.h"
#include "engine/node/rpc.h"
#include "sim/check/raft_history.h"
#include "sim/cluster/raft_guest.h"
#include "sim/world/guests.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration chaos = seconds(40);
constexpr Duration heal = seconds(60);
constexpr std::uint32_t registers = 3;

struct RaftPlan {
  std::uint32_t voters = 3, spares = 1, clients = 3;
  Duration between_calls = milliseconds(100);
  std::vector<NodeId> members;  // hosts of the group, spares at the end
  bool chaos_over = false;
  std::uint32_t clients_done = 0;
};

// Limits are drawn tiny, so that seams that are rare in life are met in every run.
RaftGuestOptions draw_options(const Experiment& experiment, const RaftPlan& plan, NodeId self) {
  Dice dice = experiment.dice("raft.options");  // the same on every member
  RaftGuestOptions options;
  options.segment_bytes = (32u << 10) << dice.below(4);
  control::RaftMetadataOptions& metadata = options.metadata;
  metadata.self = self;
  metadata.group = 0xC1;
  metadata.snapshot_after_bytes = 512u << dice.below(5);
  metadata.raft.election_timeout = milliseconds(200 + dice.below(1000));
  metadata.raft.heartbeat_every = metadata.raft.election_timeout / 5;
  metadata.raft.batch_bytes = 64u << dice.below(8);
  metadata.raft.window_messages = static_cast<std::uint32_t>(1 + dice.below(16));
  metadata.raft.entries_kept = dice.below(50);
  metadata.raft.snapshot_part_bytes = 16u << dice.below(10);
  if (self <= plan.members.at(plan.voters - 1)) {
    for (std::uint32_t i = 0; i < plan.voters; ++i) {
      metadata.first_members.voters.push_back(plan.members[i]);
    }
  }
  return options;
}

// One client: reads and writes of registers, one after the other, as long as chaos lasts;
// then, in fair weather, a last write and a read of each that must go well.
class RegisterClient {
 public:
  RegisterClient(Universe& universe, io::World& world, RaftPlan& plan, RegisterHistory& history,
                 std::uint32_t number)
      : universe_(universe),
        world_(world),
        plan_(plan),
        history_(history),
        number_(number),
        rpc_(world),
        members_(rpc_),
        client_(world.fibers, members_, [&plan] { return plan.members; }) {}

  void run() {
    while (!plan_.chaos_over) {
      const std::string key = "r" + std::to_string(below("key", registers));
      if (below("verb", 3) == 0) {
        (void)read(key, milliseconds(500 + below("patience", 3000)));
      } else {
        (void)write(key, milliseconds(500 + below("patience", 3000)));
      }
      const auto pause = static_cast<std::uint64_t>(plan_.between_calls.count());
      if (!world_.fibers.sleep_until(world_.fibers.now() + Duration(below("pause", 2 * pause)))) {
        return;
      }
    }
    for (std::uint32_t n = 0; n < registers; ++n) {
      const std::string key = "r" + std::to_string(n);
      while (!write(key, seconds(10))) {
        if (!world_.fibers.sleep_until(world_.fibers.now() + milliseconds(50))) return;
      }
      while (!read(key, seconds(10))) {
        if (!world_.fibers.sleep_until(world_.fibers.now() + milliseconds(50))) return;
      }
    }
    ++plan_.clients_done;
  }

 private:
  std::uint64_t below(std::string_view what, std::uint64_t n) {
    return world_.random.below(what, n);
  }

  bool read(const std::string& key, Duration patience) {
    const std::size_t call =
        history_.begin({.span = {}, .key = key, .is_read = true, .value = {}}, now());
    const auto found = client_.get(key, world_.fibers.now() + patience);
    if (found) {
      seen_[key] = found->version;
      history_.call(call).version = found->version;
      history_.call(call).value = found->value;
    }
    history_.end(call, now(), found ? RegisterCall::End::done : RegisterCall::End::unknown);
    return found.has_value();
  }

  bool write(const std::string& key, Duration patience) {
    const std::string value = fmt::format("c{}-{}", number_, ++written_);
    const std::uint64_t expected = seen_[key];
    const std::size_t call =
        history_.begin({.span = {}, .key = key, .version = expected, .value = value}, now());
    control::Proposal proposal{
        .id = {.high = world_.random.draw("id"), .low = world_.random.draw("id")}};
    proposal.writes.push_back({.key = key, .expected = expected, .value = value});
    const auto done = client_.compare_and_set(std::move(proposal), world_.fibers.now() + patience);
    if (done) {
      seen_[key] = expected + 1;
      history_.end(call, now(), RegisterCall::End::done);
      return true;
    }
    const bool conflict = done.error().code == Code::conflict;
    history_.end(call, now(), conflict ? RegisterCall::End::conflict : RegisterCall::End::unknown);
    // Whoever lost, or does not know, looks again.
    (void)read(key, patience);
    return false;
  }

  Nanos now() const { return universe_.loop.now(); }

  Universe& universe_;
  io::World& world_;
  RaftPlan& plan_;
  RegisterHistory& history_;
  const std::uint32_t number_;
  node::Rpc rpc_;
  node::GroupMembers members_;
  control::MetadataClient client_;
  std::map<std::string, std::uint64_t> seen_;
  std::uint64_t written_ = 0;
};

// The operator: members come and go, leadership is given away.  Never fewer than two voters
// are wanted, and never more than all hosts.
void operate(io::World& world, RaftPlan& plan) {
  node::Rpc rpc(world);
  node::GroupMembers members(rpc);
  control::MetadataClient client(world.fibers, members, [&plan] { return plan.members; });
  std::vector<NodeId> in(plan.members.begin(),
                         plan.members.begin() + static_cast<std::ptrdiff_t>(plan.voters));
  while (!plan.chaos_over) {
    const Instant next =
        world.fibers.now() + milliseconds(500 + world.random.below("operator.pause", 6000));
    if (!world.fibers.sleep_until(next)) return;
    const Instant deadline = world.fibers.now() + seconds(5);
    const NodeId node = plan.members[world.random.below("operator.who", plan.members.size())];
    const bool is_in = std::ranges::find(in, node) != in.end();
    if (!is_in) {
      if (client.act(control::GroupAct::add, node, deadline)) in.push_back(node);
    } else if (in.size() > 2 && world.random.below("operator.what", 2) == 0) {
      // Whether it went or not: what is not in is added again some day.
      (void)client.act(control::GroupAct::remove, node, deadline);
      std::erase(in, node);
    } else {
      (void)client.act(control::GroupAct::transfer, node, deadline);
    }
  }
}

}  // namespace

Verdict raft_cluster(const Config& config) {
  // These outlive the fibers that know them.
  RaftPlan plan;
  std::optional<Experiment> experiment(std::in_place, config);
  const auto report = [&](Finding finding) { experiment->report(std::move(finding)); };
  RegisterHistory history(report);
  RaftGroup group(report);
  Universe& universe = experiment->universe();

  Dice dice = experiment->dice("raft.plan");
  const auto setting = [&experiment](std::string_view name, std::uint64_t drawn) {
    return static_cast<std::uint32_t>(experiment->setting(name, drawn));
  };
  plan.voters = std::max(setting("cluster.voters", dice.below(2) == 0 ? 3 : 5), 1u);
  plan.spares = setting("limit.spares", dice.below(3));
  plan.clients = setting("workload.clients", 2 + dice.below(3));
  plan.between_calls =
      experiment->setting_ms("workload.gap_ms", milliseconds(50 + dice.below(300)));
  const bool operated = setting("limit.operated", dice.below(3) != 0 ? 1 : 0) != 0;

  faults::Victims victims;
  std::vector<Host*> hosts;
  for (std::uint32_t i = 1; i <= plan.voters + plan.spares; ++i) {
    const std::string name = fmt::format("n{}", i);
    hosts.push_back(&universe.add_host({.name = name}));
    plan.members.push_back(hosts.back()->node());
    victims.nodes.push_back(name);
  }
  for (Host* host : hosts) {
    host->start(raft_guest(universe, *host, group, draw_options(*experiment, plan, host->node())));
  }
  for (std::uint32_t i = 1; i <= plan.clients; ++i) {
    const std::string name = fmt::format("client{}", i);
    victims.helpers.push_back(name);
    universe.add_host({.name = name, .helper = true})
        .start(on_shard_0([&universe, &plan, &history, i](io::World& world) {
          RegisterClient(universe, world, plan, history, i).run();
        }));
  }
  if (operated) {
    universe.add_host({.name = "operator", .helper = true})
        .start(on_shard_0([&plan](io::World& world) { operate(world, plan); }));
  }

  const bool went_through = experiment->chaos(victims, chaos);
  plan.chaos_over = true;
  if (went_through && experiment->heal(heal, [&] { return plan.clients_done == plan.clients; })) {
    history.judge();
  }
  Verdict verdict = experiment->verdict();
  verdict.drawn +=
      fmt::format("; {} voters, {} spares{}; {} terms, {} entries, {} calls, {} in doubt",
                  plan.voters, plan.spares, operated ? ", operated" : "", group.elections(),
                  group.committed(), history.size(), history.in_doubt());
  if (history.undecided() > 0) verdict.marks["metadata-register.undecided"] = history.undecided();
  experiment.reset();  // before what its fibers know
  return verdict;
}

}  // namespace perdure::sim
