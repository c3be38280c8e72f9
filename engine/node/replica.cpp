#include "engine/node/replica.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/io/clock.h"
#include "engine/io/peers.h"
#include "engine/io/trace.h"
#include "engine/log/nodeset.h"
#include "engine/log/reader.h"
#include "engine/node/metadata_update.h"
#include "engine/node/replicas.h"
#include "engine/node/snapshot_fetch.h"
#include "engine/node/snapshot_verbs.h"

namespace perdure::node {
namespace {

constexpr Duration patience = std::chrono::seconds(30);  // with the metadata store
constexpr Duration pause_min = std::chrono::milliseconds(20);
constexpr Duration pause_max = std::chrono::seconds(2);
constexpr Duration look_again = std::chrono::milliseconds(1);
constexpr Duration better_for = std::chrono::seconds(2);  // then the log moves to better nodes
constexpr Duration progress_patience = std::chrono::seconds(2);
constexpr Duration drain_patience = std::chrono::seconds(1);
constexpr Duration copies_pause = std::chrono::seconds(10);  // between two tries to restore them

}  // namespace

Replica::Replica(const ReplicaNeeds& needs, PartitionId id)
    : needs_(needs),
      id_(id),
      changed_(needs.world.fibers),
      settled_event_(needs.world.fibers),
      group_(needs.world.fibers) {}

Replica::~Replica() = default;

void Replica::start() {
  group_.start("node.replica", [this] { live(); }, io::Stack::large);
}

void Replica::rest() { group_.stop(); }

void Replica::stop() {
  rest();
  if (!settled_) settled(fail(Code::retry_elsewhere, "it moved away"));
  unmake();
}

void Replica::look() { changed_.notify_all(); }

bool Replica::is_to_be() const {
  const control::PlanLine* const line = needs_.state.line_of(id_);
  return line != nullptr &&
         std::ranges::find(line->replicas, needs_.layout.node) != line->replicas.end();
}

bool Replica::is_to_lead() const {
  const control::PlanLine* const line = needs_.state.line_of(id_);
  return is_to_be() && line->leader == needs_.layout.node;
}

void Replica::settled(const Result<void>& how) {
  settled_ = how;
  settled_event_.notify_all();
}

Result<void> Replica::wait_settled(Instant deadline) {
  while (!settled_) TRY_VOID(settled_event_.wait(deadline));
  return *settled_;
}

// --- the journey -----------------------------------------------------------------------------

void Replica::live() {
  Duration pause = pause_min;
  while (is_to_be()) {
    const Instant begun = needs_.world.clock.steady();
    Result<void> done = make();
    if (done) done = is_to_lead() ? lead() : follow();
    if (done || needs_.world.clock.steady() - begun > pause_max) pause = pause_min;
    if (done) continue;
    if (done.error().code == Code::cancelled) return;
    settled(done);
    needs_.world.trace.event(io::Level::warn, "node.replica.delayed",
                             {{"partition", id_.raw()}, {"why", done.error().detail}});
    if (partition_ && partition_->broken()) unmake();
    if (!needs_.world.fibers.sleep_until(needs_.world.clock.steady() + pause)) return;
    pause = std::min(pause * 2, pause_max);
  }
}

Result<void> Replica::make() {
  if (partition_) return {};
  auto standing = std::make_shared<Standing>(
      Standing{.snapshots = {needs_.world.disk, needs_.world.trace, id_}});
  TRY_VOID(standing->snapshots.open());
  TRY(family, open_family(standing->snapshots));
  standing->family = std::move(family);
  standing->store = std::make_unique<tables::Store>(needs_.world.fibers, *standing->family);
  standing->partition = std::make_unique<processor::Partition>(
      processor::Partition::Parts{.world = needs_.world,
                                  .owner = {.partition = id_,
                                            .partitions = needs_.layout.partitions,
                                            .features = needs_.options.features},
                                  .store = *standing->store,
                                  .handlers = needs_.handlers,
                                  .outbound = needs_.partitions},
      processor::Options{.node = needs_.layout.node,
                         .incarnation = needs_.layout.incarnation,
                         .bounds = needs_.options.bounds,
                         .witness = needs_.options.witness});
  standing_ = std::move(standing);
  partition_ = standing_->partition.get();
  if (const Result<void> opened = partition_->open_tables(); !opened) {
    unmake();
    return opened;
  }
  needs_.partitions.add(std::shared_ptr<processor::Partition>(standing_, partition_));
  needs_.checkpointer.add({.partition = *partition_,
                           .family = *standing_->family,
                           .snapshots = standing_->snapshots,
                           .trim = [this](Lsn last) { return trim(last); }});
  return {};
}

void Replica::unmake() {
  needs_.checkpointer.remove(id_);
  needs_.partitions.remove(id_);
  if (partition_) partition_->stop();
  if (standing_->log) standing_->log->stop();
  standing_->log.reset();
  partition_ = nullptr;
  const std::weak_ptr<Standing> used = std::exchange(standing_, nullptr);
  while (!used.expired()) {  // they have all been told to go
    const Instant soon = needs_.world.clock.steady() + look_again;
    if (!needs_.world.fibers.sleep_until(soon)) return;
  }
}

// --- tables ----------------------------------------------------------------------------------

Result<void> Replica::restore_if_there_is_one(tables::Snapshots& snapshots) {
  const Result<tables::SnapshotManifest> restored =
      snapshots.restore(needs_.world.tables, family_of(id_));
  if (restored || restored.error().code == Code::not_found) return {};
  return std::unexpected(restored.error());
}

// Tables may be deleted at any time: rotten ones are.  Those that are not there come back
// from a snapshot, or from the log alone.
Result<std::unique_ptr<io::Family>> Replica::open_family(tables::Snapshots& snapshots) {
  io::Tables& tables = needs_.world.tables;
  const std::string name = family_of(id_);
  TRY(families, tables.list());
  if (std::ranges::find(families, name) == families.end()) {
    TRY_VOID(restore_if_there_is_one(snapshots));
    return tables.open(name);
  }
  Result<std::unique_ptr<io::Family>> opened = tables.open(name);
  Result<void> readable = opened ? Result<void>() : std::unexpected(opened.error());
  if (opened) {
    const auto row = (*opened)->get(std::string(tables::partition_row_key().str()));
    if (!row) readable = std::unexpected(row.error());
  }
  if (readable) return opened;
  if (readable.error().code != Code::corrupt) return std::unexpected(readable.error());

  needs_.world.trace.event(io::Level::warn, "node.tables.dropped",
                           {{"partition", id_.raw()}, {"why", readable.error().detail}});
  opened = fail(Code::corrupt, "dropped");
  TRY_VOID(tables.drop(name));
  TRY_VOID(restore_if_there_is_one(snapshots));
  return tables.open(name);
}

// Our tables end before the log begins: those of somebody else do not.
Result<void> Replica::take_snapshot_of_others() {
  const control::PlanLine* const line = needs_.state.line_of(id_);
  std::vector<NodeId> others;  // the leader before all
  if (line != nullptr && line->leader) others.push_back(*line->leader);
  for (const control::NodeEntry& node : needs_.state.nodes().nodes) {
    if (std::ranges::find(others, node.id) == others.end()) others.push_back(node.id);
  }
  std::erase(others, needs_.layout.node);
  needs_.checkpointer.remove(id_);  // which would take snapshots too
  TRY_VOID(fetch_snapshot(needs_, id_, others, partition_->applied(), standing_->snapshots));
  unmake();
  TRY(families, needs_.world.tables.list());
  const std::string name = family_of(id_);
  if (std::ranges::find(families, name) != families.end()) {
    TRY_VOID(needs_.world.tables.drop(name));  // the next make() restores the newest
  }
  return {};
}

// --- leading ---------------------------------------------------------------------------------

// The version that the store gives the object is the epoch.
Result<Epoch> Replica::mint_epoch() {
  const std::string key = control::epoch_key(id_);
  const control::PlanLine* const line = needs_.state.line_of(id_);
  const control::PartitionEpoch ours{.leader = needs_.layout.node,
                                     .life = control::NodeLife(needs_.layout.incarnation),
                                     .replicas = line ? line->replicas : std::vector<NodeId>()};
  const Instant deadline = needs_.world.clock.steady() + patience;
  while (true) {
    TRY(found, needs_.metadata.get(key, deadline));
    control::Proposal proposal = new_proposal(needs_.world);
    proposal.writes.push_back({.key = key, .expected = found.version, .value = wire::encode(ours)});
    const Result<void> written = needs_.metadata.compare_and_set(std::move(proposal), deadline);
    if (written) return Epoch(found.version + 1);
    if (written.error().code != Code::conflict) return std::unexpected(written.error());
  }
}

Result<void> Replica::open_log() {
  const control::NodeEntry* const self = needs_.state.nodes().find(needs_.layout.node);
  TRY(logs, log::open_logs({{.partition = id_, .store = needs_.loglets_of(id_)}}, needs_.chains,
                           needs_.world.fibers, needs_.world.trace,
                           {.node = needs_.layout.node,
                            .incarnation = log::Incarnation(needs_.layout.incarnation),
                            .zone = self ? self->zone : std::string(),
                            .replication = needs_.state.replication()},
                           &needs_.cluster));
  standing_->log = std::move(logs.front());
  return {};
}

Result<void> Replica::lead() {
  TRY(epoch, mint_epoch());
  TRY_VOID(open_log());
  Result<void> done = partition_->open(*standing_->log);
  const bool too_late = !done && done.error().code == Code::not_found;  // trimmed, maybe unseen
  if (done) done = partition_->lead(epoch, needs_.state.nodes().features);
  if (done) {
    settled({});
    done = lead_while_planned();
  }
  partition_->close();
  standing_->log->stop();
  standing_->log.reset();
  if (too_late) return take_snapshot_of_others();
  if (done || !partition_->broken()) return done;
  return std::unexpected(*partition_->broken());
}

// Until the plan says otherwise, the log has ended, or is better opened anew.
Result<void> Replica::lead_while_planned() {
  io::Clock& clock = needs_.world.clock;
  bool over = false, restoring = false;
  io::Group watching(needs_.world.fibers);
  watching.start("node.replica.leads", [this, &over] {
    over = partition_->wait_until_it_leads_no_longer().has_value();
    changed_.notify_all();
  });
  Instant due = io::never;
  Result<void> waited;
  while (!over && is_to_lead() && partition_->features() >= needs_.state.nodes().features) {
    if (!restoring && lost_copies() != copies_restored_) {
      restoring = true;
      watching.start("node.replica.restores_copies", [this, &restoring] {
        if (!restore_copies()) {
          (void)needs_.world.fibers.sleep_until(needs_.world.fibers.now() + copies_pause);
        }
        restoring = false;
        changed_.notify_all();
      });
    }
    const log::NodesetFitness fitness = fitness_of_log();
    if (fitness == log::NodesetFitness::cannot_write) break;
    if (fitness == log::NodesetFitness::well) {
      due = io::never;
    } else if (due == io::never) {
      due = clock.steady() + better_for;
    } else if (clock.steady() >= due) {
      (void)standing_->log->drain(clock.steady() + drain_patience);
      break;
    }
    waited = changed_.wait(due);
    if (!waited && waited.error().code == Code::cancelled) break;
  }
  watching.stop();
  if (!waited && waited.error().code == Code::cancelled) return waited;
  needs_.world.trace.event(io::Level::info, "node.replica.leads_no_longer",
                           {{"partition", id_.raw()}, {"log_ended", over}});
  return {};
}

log::NodesetFitness Replica::fitness_of_log() const {
  const log::Loglet& open = standing_->log->chain().loglets.back();
  return log::fitness_of(open.nodeset, open.replication,
                         {.partition = id_,
                          .replication = needs_.state.replication(),
                          .sequencer = needs_.layout.node},
                         needs_.state.log_servers());
}

// Nodes that are gone for good, and held some of what the log still has.
std::set<NodeId> Replica::lost_copies() const {
  std::set<NodeId> lost;
  const std::vector<log::Candidate> servers = needs_.state.log_servers();
  for (const log::Loglet& loglet : standing_->log->chain().loglets) {
    for (const log::Member& member : loglet.nodeset) {
      const auto found = std::ranges::find_if(
          servers, [&](const log::Candidate& c) { return c.member.node == member.node; });
      if (found != servers.end() && found->state == log::StorageState::gone) {
        lost.insert(member.node);
      }
    }
  }
  return lost;
}

Result<void> Replica::restore_copies() {
  const std::set<NodeId> lost = lost_copies();
  if (!lost.empty()) {
    const Result<log::Scrubbed> done =
        standing_->log->scrub(needs_.world.clock.steady() + patience);
    if (!done) {
      needs_.world.trace.event(io::Level::warn, "node.replica.copies_missing",
                               {{"partition", id_.raw()}, {"why", done.error().detail}});
      return std::unexpected(done.error());
    }
  }
  copies_restored_ = lost;
  return {};
}

// --- following -------------------------------------------------------------------------------

Result<void> Replica::follow() {
  settled({});
  std::optional<Result<void>> ended;
  io::Group reading(needs_.world.fibers);
  reading.start(
      "node.replica.follows",
      [this, &ended] {
        ended = read_and_apply();
        changed_.notify_all();
      },
      io::Stack::large);
  Result<void> waited;
  while (waited && !ended && is_to_be() && !is_to_lead()) waited = changed_.wait();
  const std::optional<Result<void>> by_itself = ended;
  reading.stop();
  if (!waited) return waited;
  if (!by_itself || *by_itself) return {};
  if (by_itself->error().code == Code::not_found) return take_snapshot_of_others();
  return *by_itself;
}

// Error: not_found, when what comes next is trimmed.
Result<void> Replica::read_and_apply() {
  log::Reader reader({.partition = id_,
                      .self = needs_.layout.node,
                      .here = &needs_.loglets_of(id_),
                      .servers = &needs_.cluster.servers,
                      .chains = needs_.chains,
                      .fibers = needs_.world.fibers,
                      .trace = needs_.world.trace},
                     {}, partition_->applied().next());
  reader.start();
  Result<void> done;
  while (done) {
    Result<log::Reader::Batch> batch = reader.next(io::never);
    if (!batch) {
      done = std::unexpected(batch.error());
    } else if (std::holds_alternative<log::Reader::Gap>(*batch)) {
      done = fail(Code::not_found, "what comes next is trimmed");
    } else {
      done = partition_->follow(std::get<std::vector<log::Reader::Record>>(*batch));
      needs_.checkpointer.look();
    }
  }
  reader.stop();
  return done;
}

// --- trimming --------------------------------------------------------------------------------

// Only who leads trims, and only what two disks hold the effects of, where there are two.
Result<void> Replica::trim(Lsn last) {
  if (!log() || !partition_->leads()) return {};
  if (needs_.state.replication().copies > 1) last = std::min(last, laid_down_elsewhere());
  const std::shared_ptr<log::Log> log = this->log();
  if (!log || last <= log->trim_point()) return {};
  return log->trim(last);
}

// The furthest that any other replica has in its tables, durably.
Lsn Replica::laid_down_elsewhere() {
  const control::PlanLine* const line = needs_.state.line_of(id_);
  std::vector<NodeId> others = line == nullptr ? std::vector<NodeId>() : line->replicas;
  std::erase(others, needs_.layout.node);
  Lsn furthest;
  for (const NodeId node : others) {
    const auto to = needs_.state.shard_of(node, id_);
    if (!to) continue;
    const auto there =
        ask_progress(needs_.rpc, *to, id_, needs_.world.clock.steady() + progress_patience);
    if (there) furthest = std::max(furthest, there->laid_down);
  }
  return furthest;
}

void Replica::check_invariants() const {
  if (partition_) partition_->check_invariants();
  if (standing_ && standing_->store) standing_->store->check_invariants();
  if (standing_ && standing_->log) standing_->log->check_invariants();
}

}  // namespace perdure::node
