// A group of Raft values with the wires and disks between them, for tests: nothing happens
// unless it is told to.  What a member was told to write is on its disk at once, or, with a
// slow disk, when sync() says so; a crash keeps only that.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/raft/raft.h"

namespace perdure::raft {

// A disk as the WAL of a real member is one: a stream of writes, of which a crash keeps a
// prefix.  read() is what recovery would find.
struct PretendDisk {
  struct Write {
    std::optional<Ballot> ballot;
    std::optional<Snapshot> snapshot;
    bool replaces = false;  // the log, not only what was compacted
    std::vector<Entry> entries;
    std::optional<WriteNumber> number;
  };
  std::vector<Write> stream;
  std::size_t synced = 0;  // writes

  Saved read() const {
    Saved saved;
    for (const Write& write : stream) {
      if (write.ballot) saved.ballot = *write.ballot;
      if (write.snapshot) {
        if (write.replaces) saved.entries.clear();
        saved.snapshot = write.snapshot;
        std::erase_if(saved.entries,
                      [&](const Entry& e) { return e.index <= write.snapshot->last; });
      }
      for (const Entry& entry : write.entries) {
        std::erase_if(saved.entries, [&](const Entry& e) { return e.index >= entry.index; });
        saved.entries.push_back(entry);
      }
    }
    return saved;
  }
  void crash(std::size_t keep) {
    stream.resize(std::clamp(keep, synced, stream.size())), synced = stream.size();
  }
};

struct Member {
  std::optional<Raft> raft;  // none: it is down
  PretendDisk disk;
  bool slow_disk = false;
  std::vector<Entry> applied;  // since the last snapshot that was installed
  std::vector<ReadId> reads;
  std::string state;  // of the state machine: commands, one after the other
  Index state_at;
  Role role = Role::follower;
  Term role_term;
  Instant wake = Instant::max();
};

class Bench {
 public:
  // Told of everything that a member does, in order.
  std::function<void(NodeId, const Effects&)> on_effects = [](NodeId, const Effects&) {};
  std::function<void(NodeId, Member&)> on_role = [](NodeId, Member&) {};
  Options options;

  void add(NodeId node, std::optional<Configuration> initial) {
    Member& member = members[node];
    if (initial) {
      member.disk.stream.push_back({.ballot = {},
                                    .snapshot = Snapshot{.configuration = *initial},
                                    .entries = {},
                                    .number = {}});
      member.disk.synced = 1;
    }
    start(node);
  }
  void start(NodeId node) {
    Member& member = members.at(node);
    Saved saved = member.disk.read();
    member.applied.clear();
    member.state = saved.snapshot ? saved.snapshot->bytes : "";
    member.state_at = saved.snapshot ? saved.snapshot->last : Index(0);
    member.role = Role::follower;
    Options own = options;
    own.self = node;
    own.seed = options.seed + node.raw() * 1000 + ++starts;
    member.raft.emplace(own, std::move(saved));
    member.raft->tick(now);
    pay(node);
  }
  void crash(NodeId node, std::size_t keep) {
    Member& member = members.at(node);
    member.raft.reset();
    member.disk.crash(keep);
    member.wake = Instant::max();
  }
  // Takes and pays what the member owes, until there is nothing more.
  void pay(NodeId node) {
    Member& member = members.at(node);
    for (;;) {
      Effects effects = member.raft->take_effects();
      const bool nothing = !effects.save && !effects.write && effects.send.empty() &&
                           effects.apply.empty() && effects.reads.empty();
      member.wake = effects.wake;
      const bool changed = member.role != member.raft->role() ||
                           (member.role == Role::leader && member.role_term != member.raft->term());
      if (changed) {
        member.role = member.raft->role();
        member.role_term = member.raft->term();
        on_role(node, member);
      }
      member.raft->check_invariants();
      if (nothing) return;
      on_effects(node, effects);
      write(member, effects);
      // A ballot is durable before anything leaves, whatever the disk is like.
      if (effects.save) sync_to(member, ballots_written(member));
      for (Envelope& envelope : effects.send) wires.push_back(std::move(envelope));
      if (effects.install) {
        member.state = effects.install->bytes;
        member.state_at = effects.install->last;
        member.applied.clear();
      }
      for (Entry& entry : effects.apply) {
        if (entry.kind == EntryKind::command) member.state += entry.bytes + " ";
        member.state_at = entry.index;
        member.applied.push_back(std::move(entry));
      }
      for (const Read& read : effects.reads) member.reads.push_back(read.id);
      if (!member.slow_disk) sync_to(member, member.disk.stream.size());
    }
  }
  void sync(NodeId node) {
    Member& member = members.at(node);
    sync_to(member, member.disk.stream.size());
    pay(node);
  }
  // One more write reaches the disk.
  void sync_one(NodeId node) {
    Member& member = members.at(node);
    if (member.disk.synced < member.disk.stream.size()) sync_to(member, member.disk.synced + 1);
    pay(node);
  }
  void tick(NodeId node) {
    members.at(node).raft->tick(now);
    pay(node);
  }
  void compact(NodeId node) {
    Member& member = members.at(node);
    if (!member.raft->may_compact()) return;
    Snapshot snapshot = member.raft->snapshot_of(member.state);
    member.disk.stream.push_back({.ballot = {}, .snapshot = snapshot, .entries = {}, .number = {}});
    sync_to(member, member.disk.stream.size());
    member.raft->compact(std::move(snapshot));
    pay(node);
  }
  void deliver(const Envelope& envelope) {
    const auto to = members.find(envelope.to);
    if (to == members.end() || !to->second.raft || cut.contains(envelope.to) ||
        cut.contains(envelope.from)) {
      return;
    }
    // Over the wire and back, so that the codec is tested along.
    const auto decoded = wire::decode<Envelope>(wire::encode(envelope));
    CHECK(decoded.has_value());
    to->second.raft->step(*decoded);
    pay(envelope.to);
  }
  // Everything that is on its way, and what comes of it.
  void settle(int rounds = 10'000) {
    for (; rounds > 0 && !wires.empty(); --rounds) {
      const Envelope envelope = std::move(wires.front());
      wires.pop_front();
      deliver(envelope);
    }
  }

  std::map<NodeId, Member> members;
  std::deque<Envelope> wires;
  std::set<NodeId> cut;
  Instant now{};
  std::uint64_t starts = 0;

 private:
  static void write(Member& member, const Effects& effects) {
    if (effects.save) {
      member.disk.stream.push_back(
          {.ballot = effects.save, .snapshot = {}, .entries = {}, .number = {}});
    }
    if (!effects.write) return;
    member.disk.stream.push_back({.ballot = {},
                                  .snapshot = effects.install,
                                  .replaces = true,
                                  .entries = effects.append,
                                  .number = effects.write});
  }
  static std::size_t ballots_written(const Member& member) {
    std::size_t last = member.disk.synced;
    for (std::size_t i = 0; i < member.disk.stream.size(); ++i) {
      if (member.disk.stream[i].ballot) last = std::max(last, i + 1);
    }
    return last;
  }
  static void sync_to(Member& member, std::size_t end) {
    for (std::size_t i = member.disk.synced; i < end; ++i) {
      if (member.disk.stream[i].number) member.raft->durable(*member.disk.stream[i].number);
    }
    member.disk.synced = std::max(member.disk.synced, end);
  }
};

}  // namespace perdure::raft
