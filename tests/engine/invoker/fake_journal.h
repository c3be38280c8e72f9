// tests/engine/invoker/fake_journal.h
//
// A partition's log and tables in a few lines: what is proposed comes back applied after
// a while, in order, and is told to the invoker as its contract says.  Entries become
// frames of a journal; runs and suspensions do what apply does with them.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "engine/base/match.h"
#include "engine/invoker/invoker.h"
#include "tests/engine/invoker/schema_of_tests.h"
#include "tests/engine/invoker/words.h"

namespace tests {

using perdure::Code;
using perdure::Duration;
using perdure::PartitionId;
using perdure::Result;
using perdure::invoker::Replay;

class FakeJournal final : public perdure::invoker::Journal {
 public:
  struct Row {
    Replay replay;
    std::string status = "invoked";  // suspended, paused, ended, failed
    wire::Future awaiting;
    std::vector<std::string> records;  // "Pin Entry(SleepCommand)"
  };

  explicit FakeJournal(perdure::io::Fibers& fibers)
      : fibers_(fibers), proposed_event_(fibers), group_(fibers) {}

  perdure::invoker::Invoker* invoker = nullptr;
  Duration latency{0};  // from proposal to apply
  Duration read_takes{0};
  int full_for = 0;  // so many proposals are refused: retry_later
  bool fenced = false;
  bool holds = false;  // nothing is applied while it is true
  std::optional<perdure::Error> read_error;
  int reads = 0;
  std::map<wire::InvocationId, Row> rows;

  Row& add(const wire::InvocationId& id, wire::Target target, std::string_view input = "x") {
    Row& row = rows[id];
    row.replay.target = std::move(target);
    row.replay.frames = frame_of("input:" + std::string(input), 6);
    row.replay.entries = 1;
    row.replay.random_seed = 42;
    return row;
  }

  Result<Replay> read(const wire::InvocationId& id, std::uint64_t) override {
    ++reads;
    if (read_error) return perdure::fail(read_error->code, read_error->detail);
    const auto found = rows.find(id);
    if (found == rows.end()) return perdure::fail(Code::not_found, "no such invocation");
    Replay before = found->second.replay;
    if (read_takes.count() > 0) TRY_VOID(fibers_.sleep_until(fibers_.now() + read_takes));
    return before;
  }

  Result<void> propose(const wire::InvocationId& id,
                       std::vector<wire::Command>&& commands) override {
    if (fenced) return perdure::fail(Code::fenced, "a newer epoch");
    if (full_for > 0) {
      --full_for;
      return perdure::fail(Code::retry_later, "full");
    }
    ++proposals;
    proposed_.push_back({id, std::move(commands), fibers_.now() + latency});
    if (!applying_) {
      applying_ = true;
      group_.start("apply", [this] { apply_all(); });
    }
    proposed_event_.notify_all();
    return {};
  }
  int proposals = 0;

  // Something from outside: a frame, as a word.
  void append(const wire::InvocationId& id, std::string_view word) {
    Row& row = rows.at(id);
    append_frame(row, id, frame_of(word, 6));
    wake(row, id);
  }
  void release() { holds = false, proposed_event_.notify_all(); }
  void stop() { group_.stop(); }

 private:
  struct Proposed {
    wire::InvocationId id;
    std::vector<wire::Command> commands;
    perdure::Instant at;
  };

  void apply_all() {
    while (true) {
      if (proposed_.empty() || holds) {
        if (!proposed_event_.wait()) return;
        continue;
      }
      if (!fibers_.sleep_until(proposed_.front().at)) return;
      const Proposed next = std::move(proposed_.front());
      proposed_.pop_front();
      apply(next);
      invoker->applied(next.id);
      invoker->check_invariants();
    }
  }

  void apply(const Proposed& record) {
    Row& row = rows.at(record.id);
    std::string shown;
    for (const wire::Command& command : record.commands) {
      const auto* entry = std::get_if<wire::Entry>(&command.body);
      shown += (shown.empty() ? "" : " ") + std::string(wire::name_of(command));
      if (entry) shown += "(" + std::string(wire::name_of(entry->type)) + ")";
      if (row.status != "invoked") continue;  // refused
      apply_one(row, record.id, command);
    }
    row.records.push_back(shown);
  }

  void apply_one(Row& row, const wire::InvocationId& id, const wire::Command& command) {
    if (const auto* pin = std::get_if<wire::Pin>(&command.body)) {
      row.replay.deployment = pin->deployment;
      row.replay.protocol_version = pin->protocol_version;
    } else if (const auto* entry = std::get_if<wire::Entry>(&command.body)) {
      std::string frame;
      wire::put_frame(frame, entry->type, entry->payload);
      append_frame(row, id, frame);
    } else if (const auto* run = std::get_if<wire::CompleteRun>(&command.body)) {
      wire::NotificationResult result;
      if (const auto* value = std::get_if<wire::Value>(&run->result)) result = *value;
      if (const auto* why = std::get_if<wire::Failure>(&run->result)) result = *why;
      std::string frame;
      wire::put_message(frame, wire::MessageType::run_completion,
                        wire::Notification::of_completion(run->completion_id, result));
      append_frame(row, id, frame);
    } else if (const auto* suspend = std::get_if<wire::Suspend>(&command.body)) {
      row.awaiting = suspend->awaiting;
      if (is_there(row)) return;
      row.status = "suspended";
      invoker->stop(id);
    } else {
      row.status = std::holds_alternative<wire::Pause>(command.body)  ? "paused"
                   : std::holds_alternative<wire::Fail>(command.body) ? "failed"
                                                                      : "ended";
      invoker->stop(id);
    }
  }

  void append_frame(Row& row, const wire::InvocationId& id, const std::string& frame) {
    row.replay.frames += frame;
    invoker->stored(id, row.replay.entries++, frame);
  }

  void wake(Row& row, const wire::InvocationId& id) {
    if (row.status != "suspended" || !is_there(row)) return;
    row.status = "invoked";
    invoker->start(PartitionId(0), id);
  }

  // Any of the completions it awaits is in the journal.
  static bool is_there(const Row& row) {
    std::string_view rest = row.replay.frames;
    while (const auto frame = wire::next_frame(rest)) {
      if (!wire::is_notification(frame->header.type)) continue;
      const auto notification = wire::decode<wire::Notification>(frame->payload);
      if (notification->id.index() == 1 &&
          std::ranges::find(row.awaiting.completions, std::get<1>(notification->id)) !=
              row.awaiting.completions.end()) {
        return true;
      }
    }
    return false;
  }

  perdure::io::Fibers& fibers_;
  perdure::io::Event proposed_event_;
  perdure::io::Group group_;
  std::deque<Proposed> proposed_;
  bool applying_ = false;
};

class FakeSchemas final : public perdure::invoker::Schemas {
 public:
  wire::Schema schema = tests::schema();
  const wire::Schema& current() override { return schema; }
};

}  // namespace tests
