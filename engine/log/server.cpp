#include "engine/log/server.h"

#include <algorithm>

#include "engine/base/match.h"

namespace perdure::log {
namespace {

constexpr Duration patience = std::chrono::seconds(10);  // of whoever asks, as far as we know
constexpr std::chrono::milliseconds long_poll_max{30'000};
constexpr std::uint64_t digest_offsets_max = std::uint64_t{1} << 20;
constexpr std::uint64_t read_bytes_max = 4 << 20;

template <wire::Message T>
Result<std::string> encoded(Result<T> reply) {
  if (!reply) return std::unexpected(reply.error());
  return wire::encode(*reply);
}

bool all_durable(LogletStore& store, const RepairAsk& ask) {
  const Offset last = ask.first + (ask.records.size() - 1);
  const IntervalSet held = store.wal().held(ask.loglet, ask.first, last);
  const Offset trimmed = store.copy(ask.loglet).trim_point;
  for (Offset at = ask.first; at <= last; at = at.next()) {
    if (at > trimmed && !held.contains(at.raw())) return false;
  }
  return true;
}

Result<std::string> repair(LogletStore& store, const RepairAsk& ask, Instant deadline) {
  if (ask.first == Offset(0) || ask.records.empty()) {
    return fail(Code::invalid, "a repair of nothing");
  }
  const std::vector<std::string_view> records(ask.records.begin(), ask.records.end());
  TRY(taken, store.offer(ask.loglet,
                         {.writer = {},
                          .first = ask.first,
                          .last = ask.first + (records.size() - 1),
                          .committed = ask.committed,
                          .repair = true},
                         records));
  if (taken.verdict != Verdict::take) {
    return fail(Code::conflict, "a repair was refused: " + std::string(name_of(taken.verdict)));
  }
  TRY_VOID(store.wal().wait_durable(taken.at, deadline));
  if (!all_durable(store, ask)) {  // another staged some of them just now
    TRY_VOID(store.wal().wait_durable(store.wal().head().prev(), deadline));
  }
  if (!all_durable(store, ask)) return fail(Code::conflict, "dropped meanwhile");
  return wire::encode(store.tail(ask.loglet));
}

Result<std::string> trim(LogletStore& store, const TrimAsk& ask) {
  if (ask.successor == LogletId(0)) {
    TRY_VOID(store.trim(ask.loglet, ask.point));
  } else if (ask.successor <= ask.loglet ||
             partition_of(ask.successor) != partition_of(ask.loglet)) {
    return fail(Code::invalid, "no successor of that loglet");
  } else {
    TRY_VOID(store.drop(ask.loglet, ask.successor));
  }
  return wire::encode(store.tail(ask.loglet));
}

}  // namespace

Result<LogletId> loglet_of(const Question& question) {
  return match(
      question.what,
      [](std::monostate) -> Result<LogletId> {
        return fail(Code::corrupt, "a question of an unknown kind");
      },
      [](const SealAsk& ask) -> Result<LogletId> { return ask.loglet; },
      [](const TailAsk& ask) -> Result<LogletId> { return ask.loglet; },
      [](const DigestAsk& ask) -> Result<LogletId> { return ask.loglet; },
      [](const ReadAsk& ask) -> Result<LogletId> { return ask.loglet; },
      [](const RepairAsk& ask) -> Result<LogletId> { return ask.loglet; },
      [](const TrimAsk& ask) -> Result<LogletId> { return ask.loglet; });
}

Result<std::string> answer_question(LogletStore& store, io::Fibers& fibers,
                                    std::string_view bytes) {
  TRY(question, wire::decode<Question>(bytes));
  const Instant deadline = fibers.now() + patience;
  return match(
      question.what,
      [](std::monostate) -> Result<std::string> {
        return fail(Code::corrupt, "a question of an unknown kind");
      },
      [&](const SealAsk& ask) { return encoded(store.seal(ask.loglet, deadline)); },
      [&](const TailAsk& ask) {
        const auto within = std::clamp(ask.within, std::chrono::milliseconds(0), long_poll_max);
        return encoded(store.wait_tail(ask.loglet, ask.beyond, fibers.now() + within));
      },
      [&](const DigestAsk& ask) -> Result<std::string> {
        if (ask.last < ask.first || ask.last - ask.first >= digest_offsets_max) {
          return fail(Code::invalid, "a digest of too much");
        }
        return wire::encode(store.digest(ask.loglet, ask.first, ask.last));
      },
      [&](ReadAsk ask) -> Result<std::string> {
        if (ask.first == Offset(0) || ask.last < ask.first) {
          return fail(Code::invalid, "a read of nothing");
        }
        ask.bytes_max = std::min(ask.bytes_max, read_bytes_max);
        return encoded(store.read(ask));
      },
      [&](const RepairAsk& ask) { return repair(store, ask, deadline); },
      [&](const TrimAsk& ask) { return trim(store, ask); });
}

Result<std::string> Server::answer(std::string_view bytes) {
  TRY(question, wire::decode<Question>(bytes));
  TRY(loglet, loglet_of(question));
  LogletStore* const store = parts_.store_of(partition_of(loglet));
  if (store == nullptr) {
    return fail(Code::retry_elsewhere, "no copies of partition " +
                                           std::to_string(partition_of(loglet).raw()) +
                                           " are on this shard");
  }
  return answer_question(*store, parts_.fibers, bytes);
}

// --- frames ---

void Server::hear(NodeId from, std::string_view frame) {
  const Result<FrameKind> kind = kind_of_frame(frame);
  if (!kind) return parts_.trace.count("log.frames_malformed");
  switch (*kind) {
    case FrameKind::store: return hear_store(from, frame);
    case FrameKind::stored: return hear_stored(from, frame);
  }
}

void Server::hear_store(NodeId from, std::string_view frame) {
  const Result<ReceivedStore> received = decode_store(frame);
  if (!received || received->head.first == Offset(0) || received->head.writer != from) {
    return parts_.trace.count("log.frames_malformed");
  }
  const StoreHead& head = received->head;
  LogletStore* const store = parts_.store_of(partition_of(head.loglet));
  if (store == nullptr) return parts_.trace.count("log.frames_misrouted");

  Correspondent& writer = correspondents_[head.loglet];
  if (head.round < writer.round && writer.node == from) return;  // it has begun again since
  if (head.round > writer.round || writer.node != from) {
    writer = {.node = from, .round = head.round, .told_gap = false};
  }
  const Offer offer{.writer = {.node = head.writer, .incarnation = head.incarnation},
                    .first = head.first,
                    .last = (head.first + received->records.size()).prev(),
                    .committed = head.committed};
  const auto taken = store->offer(head.loglet, offer, received->records);
  if (!taken) {
    const Code code = taken.error().code;
    return tell(head.loglet, code == Code::retry_later || code == Code::full
                                 ? StoredStatus::busy
                                 : StoredStatus::broken);
  }
  switch (taken->verdict) {
    case Verdict::take:
      store->watch(head.loglet, offer.writer, *this);
      // What it had already needs no sync; all else is told when it is durable.
      if (taken->at == wal::Position(0) && !received->records.empty()) {
        tell(head.loglet, StoredStatus::durable);
      }
      return;
    case Verdict::gap:
      if (!writer.told_gap) tell(head.loglet, StoredStatus::gap);
      writer.told_gap = true;
      return;
    case Verdict::sealed:
    case Verdict::stranger: {
      tell(head.loglet, StoredStatus::sealed);
      correspondents_.erase(head.loglet);
      return;
    }
    case Verdict::malformed: return parts_.trace.count("log.frames_malformed");
  }
}

void Server::hear_stored(NodeId from, std::string_view frame) {
  const Result<Stored> stored = decode_stored(frame);
  if (!stored) return parts_.trace.count("log.frames_malformed");
  const auto writer = writers_.find(stored->loglet);
  if (writer != writers_.end()) writer->second->stored(from, *stored);
}

void Server::tell(LogletId loglet, StoredStatus status) {
  const auto writer = correspondents_.find(loglet);
  LogletStore* const store = parts_.store_of(partition_of(loglet));
  if (writer == correspondents_.end() || store == nullptr) return;
  const Stored stored{.loglet = loglet,
                      .status = status,
                      .durable = store->tail(loglet).last,
                      .round = writer->second.round};
  const auto told =
      parts_.servers.tell(writer->second.node, partition_of(loglet), encode_frame(stored));
  if (!told) parts_.trace.count("log.answers_dropped");  // the writer asks again after a while
}

void Server::durable(LogletId loglet, Offset) { tell(loglet, StoredStatus::durable); }

void Server::sealed(LogletId loglet) {
  tell(loglet, StoredStatus::sealed);
  correspondents_.erase(loglet);
}

void Server::failed(LogletId loglet, const Error&) { tell(loglet, StoredStatus::broken); }

// --- connections ---

void Server::lost(NodeId node) {
  const std::map<LogletId, StoreAnswers*> writers = writers_;  // one may go meanwhile
  for (const auto& [loglet, writer] : writers) {
    if (writers_.contains(loglet)) writer->lost(node);
  }
}

void Server::found(NodeId node) {
  const std::map<LogletId, StoreAnswers*> writers = writers_;
  for (const auto& [loglet, writer] : writers) {
    if (writers_.contains(loglet)) writer->found(node);
  }
}

}  // namespace perdure::log
