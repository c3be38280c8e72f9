// tests/engine/processor/show_rows.h
//
// Rows and changes as a person reads them, and what is different between two sets.
#pragma once

#include <string>

#include "engine/base/match.h"
#include "engine/processor/changes.h"
#include "engine/tables/lock.h"
#include "engine/tables/rows.h"
#include "tests/engine/processor/names.h"
#include "tests/engine/processor/partition_rows.h"

namespace tests {

using tables::Kind;

inline std::string show(const wire::Outcome& outcome) {
  return match(
      outcome, [](const std::monostate&) -> std::string { return "none"; },
      [](const wire::Value& value) { return "'" + value.content + "'"; },
      [](const wire::Failure& failure) {
        return std::to_string(failure.code) + " " + failure.message;
      });
}

template <wire::Message T>
T must_decode(std::string_view bytes) {
  Result<T> value = wire::decode<T>(bytes);
  CHECK(value.has_value());
  return *value;
}

inline std::string show_frame(const wire::FrameView& frame) {
  using enum wire::MessageType;
  const std::string name(name_of(frame.header.type));
  if (wire::is_notification(frame.header.type)) {
    return name + wire::show(must_decode<wire::Notification>(frame.payload));
  }
  switch (frame.header.type) {
    case input_command: return name + wire::show(must_decode<wire::InputCommand>(frame.payload));
    case output_command: return name + wire::show(must_decode<wire::OutputCommand>(frame.payload));
    case set_state_command:
      return name + wire::show(must_decode<wire::SetStateCommand>(frame.payload));
    case sleep_command: return name;
    default: return name;
  }
}

inline std::string show_frames(std::string_view frames, std::string_view indent) {
  std::string text;
  while (const auto frame = wire::next_frame(frames)) {
    std::string line = show_frame(*frame);
    if (line.size() > 300) line = line.substr(0, 60) + "… of " + std::to_string(line.size());
    text.append(indent).append(line).append("\n");
  }
  return text;
}

class RowText {
 public:
  explicit RowText(const Names& names) : names_(names) {}

  std::string row(std::string_view key, const std::string& value) const {
    const std::string rest = contents(key, value);
    const bool one_line = !rest.empty() && rest[0] != '\n';
    return names_.shorten(name(key) + (one_line ? "  " : "") + rest);
  }

  std::string name(std::string_view key) const {
    const auto kind = static_cast<Kind>(key[0]);
    switch (kind) {
      case Kind::partition: return "partition";
      case Kind::source: return "source " + std::to_string(get_be<std::uint64_t>(key.substr(1)));
      case Kind::request: return "request " + std::to_string(get_be<std::uint64_t>(key.substr(17)));
      case Kind::live: return "live " + names_.name(tables::id_in_live(key));
      case Kind::ended: return "ended " + names_.name(tables::id_in_live(key));
      case Kind::journal: {
        const auto chunk = get_be<std::uint32_t>(key.substr(25));
        return "journal " + names_.name(tables::id_in_live(key)) +
               (chunk == UINT32_MAX ? "" : "." + std::to_string(chunk));
      }
      case Kind::lock: return "lock " + object(key.substr(9));
      case Kind::state: return "state " + object(key.substr(9));
      case Kind::promise: return "promise " + object(key.substr(9));
      case Kind::outbox: return "outbox " + std::to_string(tables::seq_in_outbox(key));
      case Kind::timer: return "timer " + timer(tables::timer_in(key));
      case Kind::completed: return "completed " + bucketed(key);
      case Kind::kept: return "kept " + bucketed(key);
      case Kind::long_kept: return "long-kept " + bucketed(key);
    }
    return "?";
  }

  std::string timer(const tables::Timer& timer) const {
    const std::string what =
        timer.kind == wire::TimerKind::start ? " start" : "." + std::to_string(timer.completion_id);
    return second_of(timer.due) + " " + names_.name(timer.id) + what;
  }

  // What is in `value` but was not in `before`: a journal shows its new entries only.
  std::string grown(std::string_view key, const std::string& before,
                    const std::string& value) const {
    const auto kind = static_cast<Kind>(key[0]);
    if (kind == Kind::journal && value.starts_with(before)) {
      return names_.shorten(name(key) + " grew\n" +
                            show_frames(std::string_view(value).substr(before.size()), "    "));
    }
    return row(key, value) + "\n";
  }

 private:
  std::string contents(std::string_view key, const std::string& value) const {
    switch (static_cast<Kind>(key[0])) {
      case Kind::partition: return partition(must_decode<tables::PartitionRow>(value));
      case Kind::source: return std::to_string(get_be<std::uint64_t>(value));
      case Kind::live: return live(must_decode<tables::InvocationRow>(value));
      case Kind::ended: return ended(must_decode<tables::EndedRow>(value));
      case Kind::completed: return show(must_decode<tables::CompletedRow>(value).invocation.output);
      case Kind::kept:
      case Kind::journal: {
        std::string text = "\n" + show_frames(value, "    ");
        text.pop_back();
        return text;
      }
      case Kind::lock: return lock(value);
      case Kind::state: return "'" + value + "'";
      case Kind::promise: return promise(must_decode<tables::PromiseRow>(value));
      case Kind::outbox: return outbox(must_decode<tables::OutboxRow>(value));
      default: return "";
    }
  }

  static std::string partition(const tables::PartitionRow& row) {
    std::string text = "epoch " + std::to_string(row.epoch.raw()) + " self " +
                       std::to_string(row.self_mark) + " outbox " +
                       std::to_string(row.outbox_head) + ".." + std::to_string(row.outbox_next);
    if (row.features > 0) text += " features " + std::to_string(row.features);
    if (row.requests_pruned > WallTime())
      text += " requests from " + second_of(row.requests_pruned);
    if (row.dropped_buckets > 0) {
      const auto hour = row.dropped_buckets - 1'000'000;
      text += " dropped hours before " + std::to_string(hour);
    }
    return text;
  }

  std::string waiters(const std::vector<wire::Waiter>& all) const {
    std::string text;
    for (const auto& w : all) {
      text += " " + names_.name(w.invocation) + "." + std::to_string(w.completion_id);
    }
    return text;
  }

  std::string live(const tables::InvocationRow& row) const {
    std::string text = match(
        row.status, [](const std::monostate&) -> std::string { return "?"; },
        [](const tables::Scheduled& s) { return "scheduled " + second_of(s.due); },
        [](const tables::Active&) -> std::string { return "active"; },
        [](const tables::Suspended& s) { return "suspended on " + wire::show(s.awaiting); },
        [](const tables::Paused& p) {
          return "paused" + (p.last_failure ? " after " + p.last_failure->message : "");
        });
    text += " " + row.target.text();
    const auto& journal = row.journal;
    text += " entries=" + std::to_string(journal.entries) +
            " commands=" + std::to_string(journal.commands);
    if (journal.chunks > 0) text += " chunks=" + std::to_string(journal.chunks);
    if (!journal.completions.empty()) text += " done=" + set(journal.completions);
    if (!journal.failures.empty()) text += " failed=" + set(journal.failures);
    if (!journal.signals.empty()) text += " signals=" + set(journal.signals);
    for (const auto& s : journal.named_signals) text += " signal=" + s.name;
    if (row.deployment) text += " pinned=v" + std::to_string(row.protocol_version);
    if (row.output.index() != 0) text += " output=" + show(row.output);
    for (const auto& c : row.open_calls) text += " calls=" + names_.name(c.callee);
    for (const auto& s : row.open_sleeps) text += " sleeps=" + second_of(s.due);
    if (!row.waiters.empty()) text += " waiters:" + waiters(row.waiters);
    return text;
  }

  static std::string set(const IntervalSet& numbers) {
    std::string text;
    for (const auto& i : numbers.intervals()) {
      text += "[" + std::to_string(i.first) + "," + std::to_string(i.last) + "]";
    }
    return text;
  }

  static std::string ended(const tables::EndedRow& row) {
    std::string text = "until " + second_of(row.kept_until);
    if (row.journal_until) text += " journal until " + second_of(*row.journal_until);
    if (row.chunks > 0) text += " chunks=" + std::to_string(row.chunks);
    if (row.workflow) text += " workflow";
    return text;
  }

  std::string lock(const std::string& value) const {
    const tables::LockView view(value);
    std::string text = view.held() ? names_.name(*view.holder()) : "free";
    for (auto next = view.next(); next; next = view.after(*next)) {
      text += next->kind == tables::Waiting::patch
                  ? " <patch"
                  : " <" + names_.name(*wire::InvocationId::from_bytes(next->bytes));
    }
    return text;
  }

  std::string promise(const tables::PromiseRow& row) const {
    if (row.result.index() != 0) return show(row.result);
    return "open, waiters:" + waiters(row.waiters);
  }

  std::string outbox(const tables::OutboxRow& row) const {
    return "to " + std::to_string(row.to.raw()) + " " + std::string(name_of(row.command));
  }

  std::string object(std::string_view rest) const {
    const auto service = get_be<std::uint32_t>(rest);
    std::string text(rest.substr(4, service));
    rest.remove_prefix(4 + service);
    const auto key = get_be<std::uint32_t>(rest);
    text.append("/").append(rest.substr(4, key));
    rest.remove_prefix(4 + key);
    if (!rest.empty()) text.append(" ").append(rest);
    return text;
  }

  std::string bucketed(std::string_view key) const {
    const auto at = tables::in_bucket(key);
    return "hour " + std::to_string(std::int64_t{at.bucket} - 1'000'000) + " " + names_.name(at.id);
  }

  const Names& names_;
};

// One line a row: + made, - gone, ~ changed.  How far it has applied is left out.
inline std::string difference(const PartitionRows::All& before, const PartitionRows::All& after,
                              const Names& names) {
  const RowText text(names);
  std::string out;
  for (const auto& [key, value] : after) {
    const auto old = before.find(key);
    if (old == before.end()) {
      out += "+ " + text.row(key, value) + "\n";
    } else if (text.row(key, old->second) != text.row(key, value)) {
      out += "~ " + text.grown(key, old->second, value);
    }
  }
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) out += "- " + text.name(key) + "\n";
  }
  return out;
}

inline std::string show(const processor::Change& change, const Names& names) {
  const RowText text(names);
  return match(
      change, [&](const processor::Run& c) { return "run " + names.name(c.id); },
      [&](const processor::Stored& c) {
        std::string line = "tell " + names.name(c.id) + " from " + std::to_string(c.first) + ":";
        std::string_view frames = c.frames;
        while (const auto frame = wire::next_frame(frames)) {
          line.append(" ").append(name_of(frame->header.type));
        }
        return line;
      },
      [&](const processor::Stopped& c) { return "stopped " + names.name(c.id); },
      [&](const processor::Completed& c) {
        return "completed " + names.name(c.id) + " " + show(c.outcome);
      },
      [&](const processor::OutboxGrew& c) { return "outbox " + std::to_string(c.seq); },
      [&](const processor::TimerAdded& c) { return "wake " + text.timer(c.timer); },
      [&](const processor::TimerRemoved& c) { return "no wake " + text.timer(c.timer); },
      [&](const processor::WillExpire& c) {
        return "expires hour " + std::to_string(std::int64_t{c.bucket} - 1'000'000);
      },
      [&](const processor::LeaderAnnounced& c) {
        return "leader n" + std::to_string(c.node.raw()) + " epoch " +
               std::to_string(c.epoch.raw()) +
               (c.features == 0 ? std::string() : " features " + std::to_string(c.features));
      });
}

}  // namespace tests
