#include "engine/log/reader.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/log/loglet_store.h"
#include "engine/log/sealing.h"

namespace perdure::log {
namespace {

constexpr Duration pause = std::chrono::milliseconds(20);  // after something failed
constexpr Duration one_read = std::chrono::seconds(2);
constexpr Duration chain_poll = std::chrono::seconds(60);

std::size_t bytes_of(const std::vector<Reader::Record>& records) {
  std::size_t bytes = 0;
  for (const Reader::Record& record : records) bytes += record.second.size() + 32;
  return bytes;
}

}  // namespace

Reader::Reader(Parts parts, ReaderOptions options, Lsn from)
    : parts_(parts),
      options_(options),
      fetched_(from),
      handed_out_(from),
      changed_(parts.fibers),
      ready_(parts.fibers),
      group_(parts.fibers) {
  CHECK(from > Lsn(0));
}

Reader::~Reader() = default;

void Reader::start() {
  group_.start("log.reader.chain", [this] { watch_chain(); });
  group_.start("log.reader.tail", [this] { watch_tail(); });
  group_.start("log.reader.pump", [this] { pump(); });
}

void Reader::stop() { group_.stop(); }

Result<Reader::Batch> Reader::next(Instant deadline) {
  while (ahead_.empty()) {
    if (broken_) return std::unexpected(*std::exchange(broken_, std::nullopt));
    TRY_VOID(ready_.wait(deadline));
  }
  Batch batch = std::move(ahead_.front());
  ahead_.pop_front();
  if (const auto* records = std::get_if<std::vector<Record>>(&batch)) {
    ahead_bytes_ -= bytes_of(*records);
    handed_out_ = records->back().first.next();
  } else {
    handed_out_ = std::get<Gap>(batch).to.next();
  }
  changed_.notify_all();
  return batch;
}

Lsn Reader::known_committed() const {
  const Loglet* const open = open_loglet();
  if (open == nullptr)
    return chain_.chain.sealed_tail == Lsn(0) ? Lsn(0) : chain_.chain.sealed_tail.prev();
  return open->id == committed_of_ ? open->base + (committed_ - Offset(0)) : open->base;
}

Reach Reader::reach() const {
  return {
      .self = parts_.self, .here = parts_.here, .servers = parts_.servers, .fibers = parts_.fibers};
}

const Loglet* Reader::open_loglet() const {
  const Chain& chain = chain_.chain;
  return chain.loglets.empty() || chain.sealed_tail != Lsn(0) ? nullptr : &chain.loglets.back();
}

// --- what changes ---

void Reader::watch_chain() {
  while (true) {
    auto newer = parts_.chains.wait_newer(parts_.partition, chain_.version,
                                          parts_.fibers.now() + chain_poll);
    if (newer) {
      take_chain(std::move(*newer));
      continue;
    }
    if (newer.error().code == Code::cancelled) return;
    if (!parts_.fibers.sleep_until(parts_.fibers.now() + pause)) return;
  }
}

void Reader::take_chain(VersionedChain chain) {
  if (chain.version <= chain_.version || !check_chain(chain.chain)) return;
  chain_ = std::move(chain);
  const Loglet* const open = open_loglet();
  if (open != nullptr && open->id != committed_of_) {
    committed_of_ = open->id;
    committed_ = Offset(0);
    sealed_seen_ = false;
  }
  changed_.notify_all();
}

// Asks for the end of the open loglet, again and again; each question is answered when
// there is more.
void Reader::watch_tail() {
  while (true) {
    const Loglet* const open = open_loglet();
    if (open == nullptr) {
      if (const auto woken = changed_.wait(); !woken) return;
      continue;
    }
    const LogletId id = open->id;
    std::vector<Member> order = open->nodeset;
    const NodeId writer = open->sequencer;
    std::ranges::stable_partition(order, [&](const Member& m) { return m.node == writer; });
    bool told_more = false;
    for (const Member& member : order) {
      const auto within = std::chrono::duration_cast<std::chrono::milliseconds>(options_.long_poll);
      auto tail = reach().tail(member.node, {.loglet = id, .beyond = committed_, .within = within},
                               parts_.fibers.now() + options_.long_poll + one_read);
      if (!tail && tail.error().code == Code::cancelled) return;
      if (id != committed_of_) break;  // the chain went on meanwhile
      if (!tail) continue;
      told_more = tail->committed > committed_;
      committed_ = std::max(committed_, tail->committed);
      if (tail->sealed && !sealed_seen_) {
        sealed_seen_ = true;
        group_.start("log.reader.seal", [this] { end_loglet_myself(); });
      }
      changed_.notify_all();
      break;
    }
    // Who is sealed, or whose disk failed, answers at once, each time.
    if (!told_more && !parts_.fibers.sleep_until(parts_.fibers.now() + pause)) return;
  }
}

void Reader::end_loglet_myself() {
  const LogletId id = committed_of_;
  const Instant until = parts_.fibers.now() + options_.seal_patience;
  while (parts_.fibers.now() < until) {
    if (!parts_.fibers.sleep_until(until)) return;
  }
  while (open_loglet() != nullptr && open_loglet()->id == id) {
    const VersionedChain before = chain_;
    const Loglet& last = before.chain.loglets.back();
    const auto end =
        seal_loglet(reach(), parts_.trace, last, parts_.fibers.now() + std::chrono::seconds(30));
    if (end) {
      auto after = sealed(before.chain, id, last.base + (*end - Offset(0)));
      CHECK(after.has_value());
      const auto swapped = parts_.chains.swap({{.partition = parts_.partition,
                                                .expected_version = before.version,
                                                .chain = std::move(*after)}});
      parts_.trace.event(io::Level::info, "log.reader.sealed",
                         {{"loglet", id.raw()}, {"swapped", swapped.has_value()}});
    } else if (end.error().code == Code::cancelled) {
      return;
    }
    if (!parts_.fibers.sleep_until(parts_.fibers.now() + pause * 10)) return;
  }
}

// --- the pump ---

void Reader::pump() {
  while (true) {
    const Result<void> done = pump_once();
    if (done) continue;
    if (done.error().code == Code::cancelled) return;
    if (done.error().code == Code::corrupt && !gone_by_now()) {
      broken_ = done.error();
      ready_.notify_all();
    }
    if (!parts_.fibers.sleep_until(parts_.fibers.now() + pause)) return;
  }
}

// Nobody has it: because its loglet was dropped, and our chain is old?
bool Reader::gone_by_now() {
  const Lsn wanted = fetched_;
  auto found = parts_.chains.read({parts_.partition});
  if (!found || found->empty()) return true;  // who knows: look again
  take_chain(std::move(found->front()));
  const Chain& chain = chain_.chain;
  return chain.loglets.empty() || wanted <= chain.trim_point || wanted < chain.loglets.front().base;
}

Result<void> Reader::pump_once() {
  const Chain& chain = chain_.chain;
  if (ahead_bytes_ >= options_.ahead_bytes || chain.loglets.empty()) return changed_.wait();
  if (fetched_ <= chain.trim_point || fetched_ < chain.loglets.front().base) {
    put_gap(std::max(chain.trim_point, chain.loglets.front().base.prev()));
    return {};
  }
  const Spot spot = *spot_of(chain, fetched_);
  const Loglet loglet = chain.loglets[spot.loglet];  // the chain may change while we park
  const Lsn tail = tail_of(chain, spot.loglet);
  if (tail != Lsn(0)) {
    if (fetched_ >= tail) return changed_.wait();  // sealed, and not extended yet
    return fetch(loglet, spot.offset, Offset(1) + (tail.prev() - loglet.base));
  }
  if (loglet.id != committed_of_ || spot.offset > committed_) return changed_.wait();
  return fetch(loglet, spot.offset, committed_);
}

Result<void> Reader::fetch(const Loglet& loglet, Offset first, Offset last) {
  TRY(fetched,
      reach().fetch(
          loglet.nodeset,
          {.loglet = loglet.id, .first = first, .last = last, .bytes_max = options_.read_bytes},
          parts_.fibers.now() + one_read));
  if (fetched.records.empty()) {
    put_gap(lsn_of(loglet, std::min(fetched.trim_point, last)));
    return {};
  }
  std::vector<Record> records;
  for (std::string& bytes : fetched.records) {
    if (fetched_ > lsn_of(loglet, last)) break;  // never more than was asked for
    records.emplace_back(fetched_, std::move(bytes));
    fetched_ = fetched_.next();
  }
  ahead_bytes_ += bytes_of(records);
  ahead_.emplace_back(std::move(records));
  ready_.notify_all();
  return {};
}

void Reader::put_gap(Lsn to) {
  parts_.trace.event(io::Level::debug, "log.reader.met_a_gap",
                     {{"partition", parts_.partition.raw()}, {"to", to.raw()}});
  fetched_ = to.next();
  ahead_.emplace_back(Gap{to});
  ready_.notify_all();
}

}  // namespace perdure::log
