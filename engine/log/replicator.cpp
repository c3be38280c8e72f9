#include "engine/log/replicator.h"

#include <algorithm>

#include "engine/base/check.h"

namespace perdure::log {
namespace {

constexpr std::size_t frame_bytes = 256 << 10;  // or one record
constexpr std::size_t unanswered_max = 4096;    // frames of one node whose time is taken
constexpr Duration busy_pause = std::chrono::milliseconds(50);
constexpr Duration lost_pause = std::chrono::milliseconds(500);
constexpr Duration news_pause = std::chrono::milliseconds(20);  // before news go on their own

}  // namespace

Replicator::Replicator(Parts parts)
    : parts_(std::move(parts)), work_(parts_.fibers), group_(parts_.fibers) {
  for (const Member& member : parts_.loglet.nodeset) {
    if (member.node != parts_.self) {
      Link link;
      link.node = member.node;
      links_.push_back(std::move(link));
    }
  }
  progress_at_ = told_at_ = parts_.fibers.now();
  parts_.server.listen(parts_.loglet.id, *this);
}

Replicator::~Replicator() { parts_.server.unlisten(parts_.loglet.id); }

void Replicator::start() {
  group_.start("log.replicator", [this] { run(); });
}

void Replicator::stop() {
  stopping_ = true;
  work_.notify_all();
  group_.stop();
}

void Replicator::work() {
  wanted_ = true;
  work_.notify_all();
}

// --- the fiber ---

void Replicator::run() {
  while (!stopping_ && !parts_.sequencer.is_sealed()) {
    if (!something_to_do(parts_.fibers.now())) {
      const auto woken = work_.wait(next_deadline());
      if (!woken && woken.error().code == Code::cancelled) return;
      if (stopping_) return;
    }
    parts_.fibers.turn_end();  // what this turn still appends goes along
    wanted_ = false;
    keep_time(parts_.fibers.now());
    if (!parts_.sequencer.is_sealed()) parts_.log.pay_effects();
    if (!parts_.sequencer.is_sealed()) tell_committed(parts_.fibers.now());
  }
}

bool Replicator::something_to_do(Instant now) const { return wanted_ || next_deadline() <= now; }

Instant Replicator::next_deadline() const {
  Instant next = io::never;
  for (const Link& link : links_) {
    next = std::min({next, link.hedge_at, link.resend_at, link.find_at});
    if (link.told_committed < parts_.sequencer.committed()) {
      next = std::min(next, told_at_ + news_pause);
    }
  }
  if (was_in_flight_) next = std::min(next, progress_at_ + parts_.stall_timeout);
  return next;
}

void Replicator::keep_time(Instant now) {
  const Sequencer& sequencer = parts_.sequencer;
  const bool in_flight = sequencer.committed().next() < sequencer.next();
  if (!was_in_flight_ || sequencer.committed() != committed_before_) progress_at_ = now;
  was_in_flight_ = in_flight;
  committed_before_ = sequencer.committed();
  for (Link& link : links_) keep_time(link, now);
  if (in_flight && now - progress_at_ >= parts_.stall_timeout) {
    parts_.log.end({Code::failed, "no write quorum of loglet " +
                                      std::to_string(parts_.loglet.id.raw()) + " answers"});
  }
}

void Replicator::keep_time(Link& link, Instant now) {
  Sequencer& sequencer = parts_.sequencer;
  if (link.find_at <= now) {
    link.find_at = io::never;
    sequencer.found(link.node);
    ++link.round;
  }
  if (!sequencer.awaits(link.node)) {
    link.hedge_at = link.resend_at = io::never;
    return;
  }
  if (link.hedge_at <= now) {
    link.hedge_at = io::never;
    if (sequencer.hedge(link.node)) {
      parts_.trace.count("log.hedges");
      parts_.trace.event(io::Level::debug, "log.hedged",
                         {{"loglet", parts_.loglet.id.raw()}, {"late", link.node.raw()}});
      return;
    }
  }
  if (link.resend_at <= now) {
    link.patience.failed();
    begin_again(link);
  }
}

// What a node holds and is not committed is sent again, all of it, in order.
void Replicator::begin_again(Link& link) {
  ++link.round;
  link.unanswered.clear();
  link.resend_at = io::never;  // and whoever is hedged against stays so: it is late already
  parts_.sequencer.rewind(link.node);
  parts_.trace.count("log.rewinds");
}

void Replicator::lose(Link& link) {
  link.unanswered.clear();
  link.hedge_at = link.resend_at = io::never;
  link.patience.failed();
  link.find_at = parts_.fibers.now() + lost_pause * (1 << link.patience.failures()) / 2;
  parts_.trace.event(io::Level::debug, "log.node_lost",
                     {{"loglet", parts_.loglet.id.raw()}, {"node", link.node.raw()}});
  parts_.sequencer.hedge(link.node);
  parts_.sequencer.lost(link.node);
  work();
}

// --- out ---

StoreHead Replicator::head(const Link& link, Offset first) const {
  return {.loglet = parts_.loglet.id,
          .writer = parts_.loglet.sequencer,
          .incarnation = parts_.loglet.incarnation,
          .first = first,
          .committed = parts_.sequencer.committed(),
          .round = link.round};
}

void Replicator::send(const Store& store) {
  Link* const link = find(store.to);
  CHECK(link != nullptr);
  const Instant now = parts_.fibers.now();
  const Result<void> sent = send_frames(*link, store);
  if (!sent && sent.error().code == Code::not_found) return lose(*link);
  if (link->unanswered.size() < unanswered_max) {
    link->unanswered.push_back({.last = store.last, .at = now});
  }
  if (link->hedge_at == io::never) link->hedge_at = now + link->patience.hedge_after();
  if (!sent) {  // too much is on its way, or no way is open: again a little later
    link->resend_at = now + busy_pause;
    return;
  }
  link->told_committed = parts_.sequencer.committed();
  if (link->resend_at == io::never) link->resend_at = now + link->patience.resend_after();
}

Result<void> Replicator::send_frames(Link& link, const Store& store) {
  const PartitionId partition = partition_of(parts_.loglet.id);
  StoreFrame frame(head(link, store.first));
  bool empty = true;
  for (Offset at = store.first; at <= store.last; at = at.next()) {
    const std::string_view record = parts_.sequencer.record(at);
    if (!empty && frame.bytes() + record.size() > frame_bytes) {
      TRY_VOID(parts_.servers.tell(link.node, partition, frame.take()));
      frame = StoreFrame(head(link, at));
    }
    frame.add(record);
    empty = false;
  }
  return parts_.servers.tell(link.node, partition, frame.take());
}

// So that who reads from a node, or looks for the tail, need not ask this one.
void Replicator::tell_committed(Instant now) {
  if (now - told_at_ < news_pause) return;
  told_at_ = now;
  const Offset committed = parts_.sequencer.committed();
  for (Link& link : links_) {
    if (link.told_committed >= committed) continue;
    link.told_committed = committed;
    StoreFrame news(head(link, committed.next()));
    const auto told = parts_.servers.tell(link.node, partition_of(parts_.loglet.id), news.take());
    if (!told) parts_.trace.count("log.news_dropped");  // the next one says it as well
  }
}

// --- back ---

void Replicator::stored(NodeId by, const Stored& stored) {
  Link* const link = find(by);
  if (link == nullptr || parts_.sequencer.is_sealed()) return;
  answered(*link, stored.durable);
  switch (stored.status) {
    case StoredStatus::durable: break;
    case StoredStatus::sealed:
      return parts_.log.end({Code::fenced, "node " + std::to_string(by.raw()) +
                                               " says that loglet " +
                                               std::to_string(stored.loglet.raw()) + " is sealed"});
    case StoredStatus::gap:
      if (stored.round != link->round) break;
      if (link->gap_in_a_row) break;  // it lacks what it once had: the pause is its cure
      link->gap_in_a_row = true;
      begin_again(*link);
      break;
    case StoredStatus::busy:
      if (stored.round == link->round) link->resend_at = parts_.fibers.now() + busy_pause;
      break;
    case StoredStatus::broken: lose(*link); break;
  }
  parts_.log.pay_effects();
  work();
}

void Replicator::answered(Link& link, Offset durable) {
  const Offset before = parts_.sequencer.stored_by(link.node);
  parts_.sequencer.stored(link.node, durable);
  if (parts_.sequencer.stored_by(link.node) == before) return;
  const Instant now = parts_.fibers.now();
  link.gap_in_a_row = false;
  while (!link.unanswered.empty() && link.unanswered.front().last <= durable) {
    link.patience.answered(now - link.unanswered.front().at);
    link.unanswered.pop_front();
  }
  link.hedge_at = link.resend_at = io::never;
  if (parts_.sequencer.awaits(link.node)) {
    link.hedge_at = now + link.patience.hedge_after();
    link.resend_at = now + link.patience.resend_after();
  }
}

void Replicator::lost(NodeId node) {
  Link* const link = find(node);
  if (link != nullptr && !parts_.sequencer.is_sealed()) lose(*link);
}

void Replicator::found(NodeId node) {
  Link* const link = find(node);
  if (link == nullptr || link->find_at == io::never) return;
  link->find_at = parts_.fibers.now();
  work();
}

Replicator::Link* Replicator::find(NodeId node) {
  const auto found = std::ranges::find(links_, node, &Link::node);
  return found == links_.end() ? nullptr : &*found;
}

}  // namespace perdure::log
