// What each command reads, told before it is applied.  This file says for every command
// which rows its on_*.cpp looks at; a read forgotten here fails a CHECK in the store the
// first time the row is not in memory, and the tests run on a store that forgets.
#include "engine/base/match.h"
#include "engine/processor/apply.h"
#include "engine/processor/context.h"
#include "engine/processor/entries.h"

namespace perdure::processor {
namespace {

// The few fields of a live row that lead to other rows.
struct Glance {
  wire::Target target;
  std::vector<wire::Waiter> waiters;
  static constexpr auto fields = std::tuple(wire::field(5, "target", &Glance::target),
                                            wire::field(11, "waiters", &Glance::waiters));
};

template <wire::Message T>
std::optional<T> decoded(const std::string* row) {
  if (!row) return std::nullopt;
  Result<T> value = wire::decode<T>(*row);
  if (!value) return std::nullopt;
  return std::move(*value);
}

class Gather {
 public:
  Gather(const Owner& owner, tables::Store& store, tables::Reads& missing)
      : owner_(owner), store_(store), missing_(missing) {
    one_.keys.resize(1);
  }

  void record(const wire::Record& record);

 private:
  using Id = wire::InvocationId;

  bool have(std::string_view key) {
    one_.keys[0].assign(key);
    if (store_.ready(one_)) return true;
    missing_.keys.push_back(one_.keys[0]);
    return false;
  }
  const std::string* row(std::string_view key) { return have(key) ? store_.get(key) : nullptr; }
  void have_range(const tables::KeyRange& range) {
    tables::Reads one{.keys = {}, .ranges = {range}};
    if (!store_.ready(one)) missing_.ranges.push_back(range);
  }

  std::optional<Glance> glance(const Id& id) { return decoded<Glance>(row(tables::live_key(id))); }
  // A notification is going to be appended, if it lives.
  void notified(const Id& id) {
    if (row(tables::live_key(id))) have(tables::journal_tail_key(id));
  }
  void answered(const wire::Waiter& waiter) {
    if (owner_.owns(waiter.invocation.partition_key)) notified(waiter.invocation);
  }
  // The lock of its object; and when it lets go, what a patch that is next compares.
  void lock(const Id& id, const wire::Target& target, bool lets_go) {
    if (!has_lock(target)) return;
    const tables::ObjectName object = tables::object_of(id, target);
    const std::string* bytes = row(tables::lock_key(object));
    if (!bytes || !lets_go) return;
    const tables::LockView view(*bytes);
    for (auto next = view.next(); next && next->kind == tables::Waiting::patch;
         next = view.after(*next)) {
      const auto patch = wire::decode<wire::PatchState>(next->bytes);
      if (patch && !patch->expected_version.empty()) have_range(tables::state_range(object));
    }
  }
  void outcome_of(const Id& id, const std::string* ended) {
    const auto found = decoded<tables::EndedRow>(ended);
    if (found) have(tables::completed_key(tables::bucket_of(found->kept_until), id));
  }
  void ends(const Id& id) {
    const auto live = glance(id);
    if (!live) return;
    have(tables::journal_tail_key(id));
    lock(id, live->target, true);
    for (const auto& waiter : live->waiters) answered(waiter);
  }

  void object_entry(const wire::Entry& entry);
  void promise_completed(const tables::Key& key) {
    const auto promise = decoded<tables::PromiseRow>(row(key));
    if (!promise) return;
    for (const auto& waiter : promise->waiters) answered(waiter);
  }
  void to_others(const wire::Entry& entry);
  void signal_if_ours(const Id& id) {
    if (owner_.owns(id.partition_key)) notified(id);
  }
  void begins(const Id& id, const wire::Target& target, const std::optional<wire::Waiter>& waiter);

  void command(const wire::Command& command);
  void command(const wire::Invoke& c) { begins(c.id, c.target, c.waiter); }
  void command(const wire::Pin& c) { have(tables::live_key(c.id)); }
  void command(const wire::Entry& c);
  void command(const wire::CompleteRun& c) { notified(c.id); }
  void command(const wire::Suspend& c) { have(tables::live_key(c.id)); }
  void command(const wire::End& c) { ends(c.id); }
  void command(const wire::Fail& c) { ends(c.id); }
  void command(const wire::Pause& c) {
    if (const auto live = glance(c.id)) lock(c.id, live->target, false);
  }
  void command(const wire::Resume& c) {
    if (const auto live = glance(c.id)) lock(c.id, live->target, false);
  }
  void command(const wire::Respond& c) { notified(c.to.invocation); }
  void command(const wire::Signal& c) { ends(c.id); }  // number 1 may end it
  void command(const wire::Cancel& c) { ends(c.id); }
  void command(const wire::Kill& c) { ends(c.id); }
  void command(const wire::Attach& c);
  void command(const wire::Purge& c) {
    for (const auto& id : c.ids) have(tables::ended_key(id));
  }
  void command(const wire::PatchState& c);
  void command(const wire::Fire& c);
  void command(const wire::TruncateOutbox&) {}
  void command(const wire::AnnounceLeader&) {}

  const Owner& owner_;
  tables::Store& store_;
  tables::Reads& missing_;
  tables::Reads one_;
};

void Gather::begins(const Id& id, const wire::Target& target,
                    const std::optional<wire::Waiter>& waiter) {
  if (has_lock(target)) have(tables::lock_key(tables::object_of(id, target)));
  const std::string* live = row(tables::live_key(id));
  const std::string* ended = live ? nullptr : row(tables::ended_key(id));
  if (!waiter) return;
  if (ended) outcome_of(id, ended);
  answered(*waiter);  // also when it begins: a later command of the record may end it
}

void Gather::command(const wire::Attach& c) {
  const std::string* live = row(tables::live_key(c.id));
  if (!live) outcome_of(c.id, row(tables::ended_key(c.id)));
  answered(c.waiter);
}

void Gather::command(const wire::PatchState& c) {
  const tables::ObjectName object{.partition_key = wire::keyed_partition_key(c.target.key),
                                  .service = c.target.service,
                                  .key = c.target.key};
  have(tables::lock_key(object));
  if (!c.expected_version.empty()) have_range(tables::state_range(object));
}

void Gather::command(const wire::Fire& c) {
  have(tables::timer_key(
      {.due = c.due, .kind = c.kind, .id = c.id, .completion_id = c.completion_id}));
  if (c.kind == wire::TimerKind::sleep) return notified(c.id);
  if (const auto live = glance(c.id)) lock(c.id, live->target, false);
}

// --- journal entries ---------------------------------------------------------------------

using enum wire::MessageType;

void Gather::command(const wire::Entry& c) {
  if (!row(tables::live_key(c.id))) return;
  have(tables::journal_tail_key(c.id));
  switch (c.type) {
    case get_lazy_state_command:
    case get_lazy_state_keys_command:
    case get_promise_command:
    case peek_promise_command:
    case complete_promise_command: return object_entry(c);
    case call_command:
    case one_way_call_command:
    case send_signal_command:
    case complete_awakeable_command:
    case attach_invocation_command:
    case get_invocation_output_command: return to_others(c);
    default: return;
  }
}

// Rows of the object that the handler runs for.
void Gather::object_entry(const wire::Entry& entry) {
  const auto live = glance(entry.id);
  if (!live || !has_state(live->target)) return;
  const tables::ObjectName object = tables::object_of(entry.id, live->target);
  if (entry.type == get_lazy_state_keys_command) return have_range(tables::state_range(object));
  if (entry.type == get_lazy_state_command) {
    const auto get = wire::decode<wire::GetLazyStateCommand>(entry.payload);
    if (get) have(tables::state_key(object, get->key));
    return;
  }
  const auto named = wire::decode<wire::PromiseCommand>(entry.payload);  // all three have it
  if (!named) return;
  const tables::Key key = tables::promise_key(object, named->key);
  if (entry.type == complete_promise_command) return promise_completed(key);
  have(key);
}

// Rows of other invocations of this partition, which are reached in the same record.
void Gather::to_others(const wire::Entry& entry) {
  switch (entry.type) {
    case call_command:
    case one_way_call_command: {
      if (!entry.callee || !owner_.owns(entry.callee->id.partition_key)) return;
      const std::optional<wire::Waiter> caller =
          entry.type == call_command ? std::optional(wire::Waiter{.invocation = entry.id})
                                     : std::nullopt;
      return begins(entry.callee->id, entry.callee->target, caller);
    }
    case send_signal_command: {
      const auto send = wire::decode<wire::SendSignalCommand>(entry.payload);
      if (!send) return;
      const auto id = wire::InvocationId::from_text(send->target_invocation_id);
      if (id) signal_if_ours(*id);
      return;
    }
    case complete_awakeable_command: {
      const auto complete = wire::decode<wire::CompleteAwakeableCommand>(entry.payload);
      if (!complete) return;
      const auto id = wire::AwakeableId::from_text(complete->awakeable_id);
      if (!id) return;
      if (id->signal == wire::cancel_signal) return ends(id->invocation);
      return signal_if_ours(id->invocation);
    }
    default: {
      const auto attach = wire::decode<wire::AttachCommand>(entry.payload);
      if (!attach) return;
      const auto id = target_of(*attach);
      if (!id || !owner_.owns(id->partition_key)) return;
      return command(wire::Attach{.id = *id, .waiter = {.invocation = entry.id}});
    }
  }
}

// --- the record ------------------------------------------------------------------------------

void Gather::command(const wire::Command& c) {
  match(
      c.body, [](const std::monostate&) {}, [&](const wire::Invoke& c_) { command(c_); },
      [&](const wire::Pin& c_) { command(c_); }, [&](const wire::Entry& c_) { command(c_); },
      [&](const wire::CompleteRun& c_) { command(c_); },
      [&](const wire::Suspend& c_) { command(c_); }, [&](const wire::End& c_) { command(c_); },
      [&](const wire::Pause& c_) { command(c_); }, [&](const wire::Fail& c_) { command(c_); },
      [&](const wire::Respond& c_) { command(c_); }, [&](const wire::Signal& c_) { command(c_); },
      [&](const wire::Cancel& c_) { command(c_); }, [&](const wire::Kill& c_) { command(c_); },
      [&](const wire::Resume& c_) { command(c_); }, [&](const wire::Attach& c_) { command(c_); },
      [&](const wire::Purge& c_) { command(c_); }, [&](const wire::PatchState& c_) { command(c_); },
      [&](const wire::Fire& c_) { command(c_); },
      [&](const wire::TruncateOutbox& c_) { command(c_); },
      [&](const wire::AnnounceLeader& c_) { command(c_); });
}

void Gather::record(const wire::Record& record) {
  have(tables::partition_row_key());
  match(
      record.producer, [](const std::monostate&) {}, [](const wire::SelfProducer&) {},
      [&](const wire::SourceProducer& source) { have(tables::source_key(source.partition)); },
      [&](const wire::RequestProducer& request) {
        have(tables::request_key(request.first_attempt, request.id()));
      });
  for (const auto& c : record.commands) command(c);
}

}  // namespace

void missing_for(const wire::Record& record, const Owner& owner, tables::Store& store,
                 tables::Reads& missing) {
  Gather(owner, store, missing).record(record);
}

}  // namespace perdure::processor
