#include "engine/log/chain.h"

#include <algorithm>
#include <iterator>

#include "engine/base/check.h"

namespace perdure::log {
namespace {

std::string text(LogletId loglet) { return std::to_string(loglet.raw()); }
std::string text(Lsn lsn) { return std::to_string(lsn.raw()); }

Result<void> expect_last(const Chain& chain, LogletId expected) {
  if (chain.loglets.empty()) return fail(Code::conflict, "the chain is empty");
  const LogletId last = chain.loglets.back().id;
  if (last == expected) return {};
  return fail(Code::conflict, "the last loglet is " + text(last) + ", not " + text(expected));
}

}  // namespace

Result<Chain> begun(Chain chain, Loglet first) {
  if (!chain.loglets.empty()) {
    return fail(Code::conflict, "the chain has a loglet: " + text(chain.loglets.back().id));
  }
  CHECK(first.base == Lsn(1));
  chain.loglets.push_back(std::move(first));
  return chain;
}

Result<Chain> sealed(Chain chain, LogletId expected, Lsn tail) {
  TRY_VOID(expect_last(chain, expected));
  CHECK(tail >= chain.loglets.back().base);
  if (chain.sealed_tail != Lsn(0) && chain.sealed_tail != tail) {
    return fail(Code::conflict, "sealed at " + text(chain.sealed_tail) + ", not " + text(tail));
  }
  chain.sealed_tail = tail;
  return chain;
}

Result<Chain> extended(Chain chain, LogletId expected, Loglet next) {
  TRY_VOID(expect_last(chain, expected));
  if (chain.sealed_tail == Lsn(0)) return fail(Code::conflict, "the last loglet is not sealed");
  if (chain.sealed_tail != next.base) {
    return fail(Code::conflict,
                "sealed at " + text(chain.sealed_tail) + ", not " + text(next.base));
  }
  CHECK(next.id > expected);
  const bool last_is_empty = chain.loglets.back().base == next.base;
  if (last_is_empty) chain.loglets.pop_back();
  chain.loglets.push_back(std::move(next));
  chain.sealed_tail = Lsn(0);
  return chain;
}

Result<Chain> trimmed(Chain chain, Lsn point) {
  if (chain.loglets.empty()) return fail(Code::conflict, "the chain is empty");
  chain.trim_point = std::max(chain.trim_point, point);
  std::size_t gone = 0;
  while (gone + 1 < chain.loglets.size() && tail_of(chain, gone) <= chain.trim_point.next()) {
    ++gone;
  }
  chain.loglets.erase(chain.loglets.begin(),
                      std::next(chain.loglets.begin(), static_cast<std::ptrdiff_t>(gone)));
  return chain;
}

std::optional<Spot> spot_of(const Chain& chain, Lsn lsn) {
  const auto after = std::ranges::upper_bound(chain.loglets, lsn, {}, &Loglet::base);
  if (after == chain.loglets.begin()) return std::nullopt;
  const auto place = static_cast<std::size_t>(after - chain.loglets.begin()) - 1;
  return Spot{.loglet = place, .offset = Offset(1) + (lsn - chain.loglets[place].base)};
}

Lsn lsn_of(const Loglet& loglet, Offset offset) { return loglet.base + (offset - Offset(1)); }

Lsn tail_of(const Chain& chain, std::size_t loglet) {
  CHECK(loglet < chain.loglets.size());
  if (loglet + 1 < chain.loglets.size()) return chain.loglets[loglet + 1].base;
  return chain.sealed_tail;
}

LogletId loglet_id(PartitionId partition, std::uint32_t n) {
  CHECK(partition.raw() < UINT32_MAX);
  return LogletId(partition.raw() << 32 | n);
}

PartitionId partition_of(LogletId loglet) { return PartitionId(loglet.raw() >> 32); }

LogletId next_loglet_id(PartitionId partition, const Chain& chain) {
  if (chain.loglets.empty()) return loglet_id(partition, 1);
  return LogletId(chain.loglets.back().id.raw() + 1);
}

Result<void> check_chain(const Chain& chain) {
  for (std::size_t i = 0; i < chain.loglets.size(); ++i) {
    const Loglet& loglet = chain.loglets[i];
    TRY_VOID(check_nodeset(loglet.nodeset, loglet.replication));
    if (loglet.base == Lsn(0)) return fail(Code::corrupt, "a loglet without a base");
    if (i == 0) continue;
    const Loglet& before = chain.loglets[i - 1];
    if (before.base >= loglet.base || before.id >= loglet.id) {
      return fail(Code::corrupt,
                  "loglets " + text(before.id) + " and " + text(loglet.id) + " are out of order");
    }
  }
  if (chain.sealed_tail != Lsn(0) &&
      (chain.loglets.empty() || chain.sealed_tail < chain.loglets.back().base)) {
    return fail(Code::corrupt, "sealed at " + text(chain.sealed_tail) + ", before its begin");
  }
  return {};
}

}  // namespace perdure::log
