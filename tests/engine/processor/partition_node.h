// tests/engine/processor/partition_node.h
//
// A process with a few partitions over real logs on a disk that can die, handlers that
// are scripted by the name of their service, and what is committed where.
//
//     Echo     outputs its input
//     Add      a virtual object: reads n, writes n+1, outputs it
//     Nap      sleeps for as many seconds as its input says, suspended, then outputs "awake"
//     Call     calls Echo of the other partition with its input, suspended, outputs its answer
//     Hang     does nothing for ever
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/processor/partition.h"
#include "engine/tables/scan.h"
#include "tests/engine/log/log_node.h"
#include "tests/engine/tables/test_family.h"
#include "tests/support/bare_world.h"
#include "tests/support/counting_random.h"

namespace tests {

using processor::Partition;

inline constexpr std::uint64_t partitions = 2;

inline wire::InvocationId id_at(std::uint64_t partition, std::uint64_t n) {
  for (std::uint64_t bucket = 0;; ++bucket) {
    const std::uint64_t key = wire::unkeyed_partition_key("any", bucket);
    if (wire::partition_of(key, partitions).raw() != partition) continue;
    return {.partition_key = key, .uuid = {.high = 1, .low = n}};
  }
}

// Whoever holds an invocation of the object "k".
inline wire::InvocationId object_id(std::uint64_t n) {
  return {.partition_key = wire::keyed_partition_key("k"), .uuid = {.high = 2, .low = n}};
}

// The loop's, whose wall clock can be set.
class SetClock final : public io::Clock {
 public:
  explicit SetClock(host::ManualClock& clock) : clock_(clock) {}
  Instant steady() const override { return clock_.steady(); }
  WallTime wall() const override { return clock_.wall() + ahead; }
  std::chrono::milliseconds ahead{0};

 private:
  host::ManualClock& clock_;
};

class PartitionNode final : private processor::Handlers, private processor::Outbound {
 public:
  explicit PartitionNode(std::uint64_t seed = 1) : node(partitions, seed) {
    node.wal_options.segment_bytes = 256 << 10;
    node.wal_options.bytes_max = 16 << 20;
    families_.resize(partitions);
  }
  ~PartitionNode() { die(); }

  bool run(std::function<void()> body) { return node.run(std::move(body)); }

  // A new process: opens, replays, leads.
  void start() {
    node.start();
    clock.emplace(node.loop->clock);
    world_.emplace(BareParts{.clock = *clock,
                             .fibers = node.loop->fibers,
                             .http = *reinterpret_cast<io::Http*>(nothing_),
                             .random = random_,
                             .trace = node.trace});
    for (std::uint64_t p = 0; p < partitions; ++p) {
      auto family = std::make_unique<TestFamily>(node.loop->fibers);
      if (families_[p]) family->rows = families_[p]->rows;
      families_[p] = std::move(family);
      stores_.push_back(std::make_unique<tables::Store>(node.loop->fibers, *families_[p]));
      all.push_back(std::make_unique<Partition>(
          Partition::Parts{.world = world_->world,
                           .owner = {.partition = PartitionId(p), .partitions = partitions},
                           .store = *stores_[p],
                           .handlers = *this,
                           .outbound = *this},
          processor::Options{.node = NodeId(1), .incarnation = ++incarnation_}));
    }
    ASSERT_TRUE(run([this] {
      for (std::uint64_t p = 0; p < partitions; ++p) {
        const auto opened = all[p]->open(*node.logs[p]);
        ASSERT_TRUE(opened) << opened.error().detail;
      }
    }));
  }
  void lead() {
    ASSERT_TRUE(run([this] {
      for (auto& partition : all) {
        const auto led = partition->lead(partition->epoch().next());
        ASSERT_TRUE(led) << led.error().detail;
      }
    }));
  }
  void die() {
    node.loop->scheduler.kill_all();
    all.clear();
    stores_.clear();
    started_.clear();
    again_.clear();
    node.die();
  }
  void lose_power() { die(), node.disk.lose_power(); }
  void stop() {
    ASSERT_TRUE(run([this] {
      for (auto& partition : all) partition->stop();
    }));
  }

  // What a client does: tries until it has an answer.
  Result<processor::Submitted> submit(std::uint64_t p, const wire::Record& record) {
    return all[p]->submit(wire::encode(record), node.loop->in(std::chrono::seconds(10)));
  }
  static wire::Record invoke(const wire::InvocationId& id, const std::string& service,
                             const std::string& input, bool object = false) {
    wire::Invoke invoke{.id = id, .target = {.service = service, .handler = "run"}, .input = input};
    if (object) {
      invoke.target.service_type = wire::ServiceType::virtual_object;
      invoke.target.handler_type = wire::HandlerType::exclusive;
      invoke.target.key = "k";
    }
    invoke.retention = {.completion = std::chrono::hours(1), .journal = std::chrono::hours(1)};
    wire::Record record;
    record.commands.push_back({.body = std::move(invoke)});
    return record;
  }
  std::string outcome(std::uint64_t p, const wire::InvocationId& id) {
    const auto ended = all[p]->await_completion(id, node.loop->in(std::chrono::seconds(100)));
    if (!ended) return std::string(name_of(ended.error().code));
    if (const auto* value = std::get_if<wire::Value>(&ended->outcome)) return value->content;
    return std::get<wire::Failure>(ended->outcome).message;
  }
  std::uint64_t digest(std::uint64_t p) {
    std::uint64_t digest = 0;
    EXPECT_TRUE(run([&] { digest = stores_[p]->digest().value(); }));
    return digest;
  }
  // A second replica of a partition, on tables of its own.
  std::unique_ptr<Partition> another(std::uint64_t p, tables::Store& store) {
    return std::make_unique<Partition>(
        Partition::Parts{.world = world_->world,
                         .owner = {.partition = PartitionId(p), .partitions = partitions},
                         .store = store,
                         .handlers = *this,
                         .outbound = *this},
        processor::Options{.node = NodeId(2), .incarnation = 1});
  }
  tables::Store& store(std::uint64_t p) { return *stores_[p]; }
  TestFamily& family(std::uint64_t p) { return *families_[p]; }

  log::LogNode node;
  std::optional<SetClock> clock;
  std::vector<std::unique_ptr<Partition>> all;
  int attempts = 0, deliveries = 0, drops = 0, stops = 0;
  std::function<void()> on_drop;  // called when a leadership ends, which must not park here
  int lose_deliveries = 0;        // so many take effect, and look as if they might not have

 private:
  void start(PartitionId partition, const wire::InvocationId& id) override {
    if (!started_.insert(id).second) return void(again_.emplace(id, partition));
    node.loop->scheduler.spawn_root("attempt", [this, partition, id] { attempt(partition, id); });
  }
  void stored(const wire::InvocationId&, std::uint32_t, std::string_view) override {}
  void stop(const wire::InvocationId& id) override {
    ++stops, started_.erase(id), again_.erase(id);
  }
  // The attempt has said all it had to say; whether another is due was told before.
  void applied(const wire::InvocationId& id) override {
    const auto again = again_.extract(id);
    if (again.empty()) return;
    started_.erase(id);
    start(again.mapped(), id);
  }
  void drop_partition(PartitionId) override {
    ++drops, started_.clear(), again_.clear();
    if (on_drop) on_drop();
  }

  Result<void> deliver(PartitionId to, const std::string& record) override {
    ++deliveries;
    const auto done = all[to.raw()]->submit(record, io::never);
    if (!done) return std::unexpected(done.error());
    if (lose_deliveries > 0) {
      --lose_deliveries;
      return fail(Code::timed_out, "no answer, though it happened");
    }
    return {};
  }

  void attempt(PartitionId partition, const wire::InvocationId& id) {
    ++attempts;
    Partition& home = *all[partition.raw()];
    const auto replay = home.replay(id, 1 << 20);
    if (!replay) return;
    std::vector<wire::Command> commands = step(id, *replay);
    while (!commands.empty()) {
      const auto proposed = home.propose(id, std::move(commands));
      if (proposed || proposed.error().code != Code::retry_later) return;
      if (!node.loop->fibers.sleep_until(node.loop->in(std::chrono::milliseconds(1)))) return;
    }
  }

  template <wire::Message T>
  static void entry(std::vector<wire::Command>& out, const wire::InvocationId& id,
                    wire::MessageType type, const T& message) {
    out.push_back({.body = wire::Entry{.id = id, .type = type, .payload = wire::encode(message)}});
  }
  static void output(std::vector<wire::Command>& out, const wire::InvocationId& id,
                     std::string text) {
    wire::OutputCommand output;
    output.result = wire::Value{.content = std::move(text)};
    entry(out, id, wire::MessageType::output_command, output);
    out.push_back({.body = wire::End{.id = id}});
  }

  std::vector<wire::Command> step(const wire::InvocationId& id, const processor::Replay& replay) {
    std::vector<wire::Command> out;
    std::string_view frames = replay.frames;
    const std::string input =
        wire::decode<wire::InputCommand>(wire::next_frame(frames)->payload)->value.content;
    std::string last;  // value of the last notification
    std::uint32_t count = 1;
    while (const auto frame = wire::next_frame(frames)) {
      ++count;
      if (!wire::is_notification(frame->header.type)) continue;
      const auto notification = wire::decode<wire::Notification>(frame->payload);
      if (const auto* v = std::get_if<wire::Value>(&notification->result)) last = v->content;
    }
    EXPECT_EQ(count, replay.entries);
    const std::string& service = replay.target.service;
    if (service == "Echo") output(out, id, input);
    if (service == "Add") add(out, id, replay);
    if (service == "Nap") nap(out, id, input, replay.entries);
    if (service == "Call") call(out, id, input, last, replay.entries);
    return out;
  }
  static void add(std::vector<wire::Command>& out, const wire::InvocationId& id,
                  const processor::Replay& replay) {
    EXPECT_FALSE(replay.state_is_partial);
    const int n = replay.state.empty() ? 0 : std::stoi(replay.state[0].value);
    entry(out, id, wire::MessageType::set_state_command,
          wire::SetStateCommand{.key = "n", .value = {.content = std::to_string(n + 1)}});
    output(out, id, std::to_string(n + 1));
  }
  void nap(std::vector<wire::Command>& out, const wire::InvocationId& id, const std::string& input,
           std::uint32_t entries) {
    if (entries == 3) return output(out, id, "awake");
    const WallTime until = clock->wall() + std::chrono::seconds(std::stoi(input));
    if (entries == 1) {
      entry(out, id, wire::MessageType::sleep_command,
            wire::SleepCommand{
                .wake_up_time = static_cast<std::uint64_t>(until.time_since_epoch().count()),
                .result_completion_id = 1});
    }
    out.push_back({.body = wire::Suspend{.id = id, .awaiting = {.completions = {1}}}});
  }
  void call(std::vector<wire::Command>& out, const wire::InvocationId& id, const std::string& input,
            const std::string& answer, std::uint32_t entries) {
    if (entries == 4) return output(out, id, "said " + answer);
    if (entries == 1) {
      const auto here = wire::partition_of(id.partition_key, partitions).raw();
      wire::Entry call{
          .id = id,
          .type = wire::MessageType::call_command,
          .payload = wire::encode(wire::CallCommand{
              .parameter = input, .invocation_id_notification_idx = 1, .result_completion_id = 2})};
      call.callee = wire::Callee{.id = id_at(1 - here, id.uuid.low + 1000),
                                 .target = {.service = "Echo", .handler = "run"}};
      out.push_back({.body = std::move(call)});
    }
    out.push_back({.body = wire::Suspend{.id = id, .awaiting = {.completions = {2}}}});
  }

  std::uint64_t incarnation_ = 0;
  std::vector<std::unique_ptr<TestFamily>> families_;
  std::vector<std::unique_ptr<tables::Store>> stores_;
  std::set<wire::InvocationId> started_;
  std::map<wire::InvocationId, PartitionId> again_;
  CountingRandom random_;
  alignas(16) char nothing_[16] = {};
  std::optional<BareWorld> world_;
};

}  // namespace tests
