// engine/processor/context.h
//
// One record while it is applied: the rows it has in hand, and the moves that several
// commands share.
//
//     live row ── decoded once a record ──► Live ──► commands change it ──► put() once
//
// What a command sends to an invocation of this partition is done in the same record
// (`pending_`), what goes elsewhere is put in the outbox.  Only messages that answer or
// begin something are done at once, and they send at most an answer, so a record ends:
//
//     Invoke, Attach ─► Respond        Respond, Signal ─► nothing
//
// Cancels and kills always take the outbox, even home: their consequences reach rows
// that nobody could have announced.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/processor/apply.h"
#include "engine/tables/lock.h"
#include "engine/tables/rows.h"

namespace perdure::processor {

// A live invocation, decoded.
struct Live {
  wire::InvocationId id;
  bool exists = false;
  bool changed = false;
  tables::InvocationRow row;
  std::optional<std::size_t> stored;  // where in Changes it is told
};

enum class Keep { as_retained, nothing };

class Context {
 public:
  Context(WallTime record_time, const Owner& of, tables::Store& rows,
          tables::PartitionRow& partition_row, Changes& made)
      : at(record_time), owner(of), store(rows), partition(partition_row), changes(made) {}

  const WallTime at;
  const Owner& owner;
  tables::Store& store;
  tables::PartitionRow& partition;
  Changes& changes;

  // --- rows ---------------------------------------------------------------------------
  Live* live(const wire::InvocationId&);   // null: there is none
  Live& begin(const wire::InvocationId&);  // there was none
  tables::InvocationRow& change(Live&);    // its row, to be written at the end
  std::optional<tables::EndedRow> ended(const wire::InvocationId&);
  bool kept(const tables::EndedRow&) const;  // its retention is not over
  wire::Outcome outcome_of(const wire::InvocationId&, const tables::EndedRow&);
  void put_rows();  // at the end of the record

  // --- journal ---------------------------------------------------------------------------
  void append_command(Live&, wire::MessageType, std::string_view payload);
  // A completion that is there already changes nothing.  Wakes who waited for it.
  void notify(Live&, wire::MessageType, const wire::Notification&);
  void complete(Live&, wire::MessageType, std::uint32_t completion_id, wire::NotificationResult);
  void drop_journal(const wire::InvocationId&, std::uint32_t chunks);
  void take_journal(Live&, const std::string& frames);  // of another; it has none yet

  // --- the invocation's life ------------------------------------------------------------------
  void admit(Live&);         // now, or when its turn comes
  bool queued(const Live&);  // it waits for its object
  void resume(Live&);        // an attempt is due, from wherever it was
  void finish(Live&, wire::Outcome, Keep);
  void kill_calls(const Live&);
  void forget(const wire::InvocationId&, const tables::EndedRow&);  // what is kept of it

  // --- objects -----------------------------------------------------------------------------------
  void patch_state(const wire::PatchState&);
  void clear_state(const tables::ObjectName&);

  // --- timers
  // --------------------------------------------------------------------------------------
  void add_timer(const tables::Timer&);
  void remove_timer(const tables::Timer&);

  // --- to other invocations ----------------------------------------------------------------------
  void send(const wire::InvocationId& to, wire::Command);
  void send_by_outbox(const wire::InvocationId& to, wire::Command);
  void respond(const wire::Waiter&, wire::NotificationResult);
  std::optional<wire::Command> take_pending();

 private:
  void append_frame(Live&, wire::MessageType, std::string_view payload);
  void leave_lock(Live&);
  void let_next_in(const tables::ObjectName&);
  void keep(Live&, wire::Outcome&, WallTime kept_until);

  std::vector<std::unique_ptr<Live>> lives_;  // of this record; few
  std::deque<wire::Command> pending_;
};

// Who may do what with an object's state.
inline bool has_lock(const wire::Target& target) {
  return target.handler_type == wire::HandlerType::exclusive;
}
inline bool is_workflow_run(const wire::Target& target) {
  return target.handler_type == wire::HandlerType::workflow;
}
inline bool has_state(const wire::Target& target) {
  return target.service_type != wire::ServiceType::service;
}
inline bool writes_state(const wire::Target& target) {
  return has_state(target) && (has_lock(target) || is_workflow_run(target));
}

wire::NotificationResult as_result(const wire::Outcome&);
wire::Failure canceled();
wire::Failure killed();
wire::Failure not_found();
wire::Failure already_invoked();

}  // namespace perdure::processor
