#include "engine/log/copy.h"

#include <algorithm>

namespace perdure::log {

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::take: return "take";
    case Verdict::sealed: return "sealed";
    case Verdict::stranger: return "stranger";
    case Verdict::gap: return "gap";
    case Verdict::malformed: return "malformed";
  }
  return "?";
}

Verdict judge(const Copy& copy, const Offer& offer) {
  const bool empty = offer.last < offer.first;
  if (offer.first == Offset(0) || (empty && offer.last.next() != offer.first)) {
    return Verdict::malformed;
  }
  if (!offer.repair) {
    if (copy.sealed || copy.replaced) return Verdict::sealed;
    if (copy.writer && *copy.writer != offer.writer) return Verdict::stranger;
  }
  const Offset committed = std::max(copy.committed, offer.committed);
  const Offset before = offer.first.prev();
  if (!empty && before > copy.staged && before > committed) return Verdict::gap;
  return Verdict::take;
}

}  // namespace perdure::log
