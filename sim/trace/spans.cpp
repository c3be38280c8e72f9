#include "sim/trace/spans.h"

#include <algorithm>
#include <map>

namespace perdure::sim::trace {

namespace {

class Finder {
 public:
  explicit Finder(const Story& story) : story_(story) {}

  Spans find() {
    for (number_ = 1; number_ <= story_.size(); ++number_) look_at(story_.moment(number_));
    const std::uint64_t end = std::max<std::uint64_t>(
        story_.about.time, story_.size() == 0 ? 0 : story_.moment(story_.size()).at);
    const auto close = [end](auto& spans) {
      for (auto& span : spans) {
        if (span.end == 0) span.to = std::max(span.to, end);
      }
    };
    close(spans_.lives);
    close(spans_.operations);
    close(spans_.roles);
    for (FaultSpan& fault : spans_.faults) {
      if (fault.end == 0 && fault.to > end) fault.to = end;
    }
    return std::move(spans_);
  }

 private:
  void look_at(const Moment& moment) {
    switch (moment.what) {
      case What::up:
        life_[moment.host] = spans_.lives.size();
        spans_.lives.push_back({begun(moment), moment.incarnation, false});
        return;
      case What::down: return ended(moment);
      case What::fault: return fault(moment);
      case What::fault_end: return fault_over(moment);
      case What::invoke:
        operation_[moment.a] = spans_.operations.size();
        spans_.operations.push_back({begun(moment), text(moment.name), text(moment.detail)});
        return;
      case What::retry: return with_operation(moment, [](auto& span) { ++span.retries; });
      case What::answer:
        return with_operation(moment, [&](OperationSpan& span) {
          finish(span, moment);
          span.outcome = static_cast<Outcome>(std::min<std::uint64_t>(moment.b, 2));
          span.detail = text(moment.detail);
        });
      case What::role: return role(moment);
      case What::arrive: return arrival(moment);
      default: return;
    }
  }

  Span begun(const Moment& moment) const {
    return {.begin = number_, .from = moment.at, .to = moment.at, .host = moment.host};
  }
  void finish(Span& span, const Moment& moment) const {
    span.end = number_;
    span.to = moment.at;
  }
  std::string text(TextId id) const { return std::string(story_.text(id)); }

  void ended(const Moment& moment) {
    const auto found = life_.find(moment.host);
    if (found != life_.end()) {
      LifeSpan& life = spans_.lives[found->second];
      finish(life, moment);
      life.power_lost = moment.a == 1;
      life_.erase(found);
    }
    for (auto at = role_.begin(); at != role_.end();) {
      const bool here = spans_.roles[at->second].host == moment.host;
      if (here) finish(spans_.roles[at->second], moment);
      at = here ? role_.erase(at) : std::next(at);
    }
  }

  void fault(const Moment& moment) {
    FaultSpan span = {begun(moment), text(moment.name), text(moment.detail)};
    span.to += moment.a;
    if (moment.a > 0) fault_[number_] = spans_.faults.size();
    spans_.faults.push_back(std::move(span));
  }
  void fault_over(const Moment& moment) {
    const auto found = fault_.find(moment.cause);
    if (found == fault_.end()) return;
    finish(spans_.faults[found->second], moment);
    fault_.erase(found);
  }

  template <class Act>
  void with_operation(const Moment& moment, Act act) {
    const auto found = operation_.find(moment.a);
    if (found != operation_.end()) act(spans_.operations[found->second]);
  }

  // A mark of a leader: announced begins, anything else ends.
  void role(const Moment& moment) {
    const std::string_view name = story_.text(moment.name);
    const std::string of = name.starts_with("raft.") ? std::string("the metadata group")
                                                     : "partition " + std::to_string(moment.a);
    const std::pair who(moment.host, of);
    if (const auto found = role_.find(who); found != role_.end()) {
      finish(spans_.roles[found->second], moment);
      role_.erase(found);
    }
    if (!name.ends_with(".announced") && !name.ends_with(".leads")) return;
    role_[who] = spans_.roles.size();
    spans_.roles.push_back({begun(moment), of, moment.b});
  }

  void arrival(const Moment& moment) {
    if (moment.cause == 0) return;
    const Moment& sent = story_.moment(moment.cause);
    if (sent.what != What::send) return;
    spans_.messages.push_back({{.begin = moment.cause,
                                .end = number_,
                                .from = sent.at,
                                .to = moment.at,
                                .host = sent.host},
                               static_cast<std::uint32_t>(sent.a),
                               text(sent.name)});
  }

  const Story& story_;
  Spans spans_;
  std::uint64_t number_ = 0;
  std::map<std::uint32_t, std::size_t> life_;                          // by host
  std::map<std::uint64_t, std::size_t> operation_;                     // by its number
  std::map<std::uint64_t, std::size_t> fault_;                         // by its moment
  std::map<std::pair<std::uint32_t, std::string>, std::size_t> role_;  // host, of what
};

}  // namespace

Spans spans_of(const Story& story) { return Finder(story).find(); }

}  // namespace perdure::sim::trace
