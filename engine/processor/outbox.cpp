#include "engine/processor/outbox.h"

#include <algorithm>

#include "engine/io/trace.h"
#include "engine/tables/scan.h"

namespace perdure::processor {
namespace {

constexpr Duration pause_min = std::chrono::milliseconds(10);
constexpr Duration pause_max = std::chrono::milliseconds(250);

}  // namespace

Outbox::Outbox(io::World& world, tables::Store& store, Proposer& proposer, Outbound& outbound,
               PartitionId self, std::uint64_t head, std::uint64_t next, const Bounds& bounds)
    : world_(world),
      store_(store),
      proposer_(proposer),
      outbound_(outbound),
      self_(self),
      bounds_(bounds),
      changed_(world.fibers),
      loaded_(head),
      next_(next),
      truncated_(head) {}

void Outbox::grew(std::uint64_t seq) {
  next_ = std::max(next_, seq + 1);
  changed_.notify_all();
}

void Outbox::take(std::uint64_t seq, const std::string& row) {
  Result<tables::OutboxRow> decoded = wire::decode<tables::OutboxRow>(row);
  CHECK(decoded.has_value());
  lanes_[decoded->to].seqs.push_back(seq);
  window_.emplace(seq, Message{.command = std::move(decoded->command), .bytes = row.size()});
  loaded_ = seq + 1;
}

// What has just been written is in memory; the rest of a window comes by one scan.
Result<void> Outbox::load() {
  tables::Reads one;
  one.keys.resize(1);
  while (loaded_ < next_ && window_.size() < bounds_.outbox_messages) {
    const tables::Key key = tables::outbox_key(loaded_);
    one.keys[0].assign(std::string_view(key));
    if (!store_.ready(one)) break;
    const std::string* row = store_.get(key);
    if (row)
      take(loaded_, *row);
    else
      ++loaded_;
  }
  if (loaded_ == next_ || window_.size() >= bounds_.outbox_messages) return {};
  const std::uint64_t end = next_;
  TRY(scan, store_.scan(tables::outbox_key(loaded_), tables::outbox_key(end)));
  while (window_.size() < bounds_.outbox_messages) {
    auto rows = scan->next(bounds_.scan_bytes);
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) {
      loaded_ = std::max(loaded_, end);
      return {};
    }
    for (const auto& [key, row] : *rows) take(tables::seq_in_outbox(key), row);
  }
  return {};
}

void Outbox::start_lanes(io::Group& group) {
  for (auto& [to, lane] : lanes_) {
    if (lane.sending || lane.seqs.empty()) continue;
    lane.sending = true;
    group.start("outbox", [this, partition = to] { serve(partition); });
  }
}

std::string Outbox::record_of(const Lane& lane, std::size_t& count) const {
  wire::Record record;
  wire::SourceProducer source{.partition = self_};
  std::size_t bytes = 0;
  for (const std::uint64_t seq : lane.seqs) {
    const Message& message = window_.at(seq);
    bytes += message.bytes;
    if (count > 0 && (count == bounds_.outbox_batch || bytes > batch_bytes)) break;
    record.commands.push_back(message.command);
    source.seqs.push_back(seq);
    source.seq = seq;
    ++count;
  }
  if (count == 1) source.seqs.clear();
  record.producer = std::move(source);
  return wire::encode(record);
}

// Until its lane is empty.
void Outbox::serve(PartitionId to) {
  Lane& lane = lanes_[to];
  Duration pause = pause_min;
  while (!lane.seqs.empty()) {
    std::size_t count = 0;
    const std::string record = record_of(lane, count);
    const auto delivered = outbound_.deliver(to, record);
    if (delivered) {
      pause = pause_min;
      for (; count > 0; --count) {
        window_.erase(lane.seqs.front());
        lane.seqs.pop_front();
      }
      changed_.notify_all();
      continue;
    }
    if (delivered.error().code == Code::cancelled) return;
    world_.trace.event(
        io::Level::info, "processor.outbox.delayed",
        {{"partition", self_.raw()}, {"to", to.raw()}, {"why", delivered.error().detail}});
    if (!world_.fibers.sleep_until(world_.fibers.now() + pause)) return;
    pause = std::min(pause * 2, pause_max);
  }
  lane.sending = false;
}

Result<void> Outbox::truncate() {
  const std::uint64_t done_before = window_.empty() ? loaded_ : window_.begin()->first;
  if (done_before <= truncated_) return {};
  std::vector<wire::Command> commands;
  commands.push_back({.body = wire::TruncateOutbox{.through = done_before - 1}});
  TRY(at, proposer_.propose(std::move(commands)));
  static_cast<void>(at);
  truncated_ = done_before;
  return {};
}

Result<void> Outbox::run(io::Group& group) {
  while (true) {
    auto loaded = load();
    if (!loaded && loaded.error().code != Code::retry_later) return loaded;
    start_lanes(group);
    auto truncated = truncate();
    if (!truncated && truncated.error().code != Code::retry_later) return truncated;
    const bool busy = !loaded || !truncated;
    const bool more = loaded_ < next_ && window_.size() < bounds_.outbox_messages;
    if (more && !busy) continue;
    auto woken = changed_.wait(busy ? world_.fibers.now() + pause_min : io::never);
    if (!woken && woken.error().code == Code::cancelled) return woken;
  }
}

}  // namespace perdure::processor
