// Properties of apply: whatever records come, and however warm the rows are.
#include "engine/processor/apply.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "engine/base/match.h"
#include "engine/processor/future.h"
#include "engine/tables/lock.h"
#include "engine/tables/rows.h"
#include "tests/engine/processor/names.h"
#include "tests/engine/processor/partition_rows.h"

namespace perdure::processor {
namespace {

using tests::at_second;
using tests::home;
using tests::PartitionRows;
using tests::target_from;
using wire::InvocationId;

constexpr const char* targets[] = {"obj:Counter/k/add", "obj:Counter/k/add", "svc:Greeter/hi",
                                   "shared:Counter/k/get", "wf:Flow/k/run"};

// Eight invocations: 0, 1 and 5, 6 exclusive of one object, 4 a workflow, 7 elsewhere.
InvocationId id_of(int n) {
  return {.partition_key = n == 7 ? tests::partition_key_at(false) : wire::keyed_partition_key("k"),
          .uuid = {.high = 1, .low = static_cast<std::uint64_t>(n)}};
}
wire::Target target_of(int n) { return target_from(targets[n % 5]); }

struct Draw {
  int verb, who, whom;
  std::uint32_t number;
  bool flag;
};
rc::Gen<Draw> any_draw() {
  return rc::gen::construct<Draw>(rc::gen::inRange(0, 26), rc::gen::inRange(0, 8),
                                  rc::gen::inRange(0, 8), rc::gen::inRange<std::uint32_t>(1, 9),
                                  rc::gen::arbitrary<bool>());
}

wire::Command invoke(const Draw& d, WallTime now) {
  wire::Invoke invoke{.id = id_of(d.who), .target = target_of(d.who), .input = "in"};
  if (d.flag) invoke.waiter = wire::Waiter{.invocation = id_of(d.whom), .completion_id = d.number};
  if (d.number == 1) invoke.due = now + std::chrono::seconds(5);
  if (d.number % 2 == 0) invoke.retention.completion = std::chrono::seconds(20);
  if (d.number % 4 == 0) invoke.retention.journal = std::chrono::seconds(10);
  return {.body = std::move(invoke)};
}

template <wire::Message T>
wire::Command entry(const Draw& d, wire::MessageType type, const T& message) {
  return {.body = wire::Entry{.id = id_of(d.who), .type = type, .payload = wire::encode(message)}};
}

wire::Command call(const Draw& d) {
  wire::Command made = entry(d, wire::MessageType::call_command,
                             wire::CallCommand{.invocation_id_notification_idx = d.number,
                                               .result_completion_id = d.number + 1});
  std::get<wire::Entry>(made.body).callee =
      wire::Callee{.id = id_of(d.whom), .target = target_of(d.whom)};
  return made;
}

wire::Command awakeable(const Draw& d) {
  wire::CompleteAwakeableCommand complete{
      .awakeable_id = wire::AwakeableId{.invocation = id_of(d.whom), .signal = d.number}.text()};
  complete.result = wire::Value{.content = "v"};
  return entry(d, wire::MessageType::complete_awakeable_command, complete);
}

wire::Command attach(const Draw& d) {
  wire::AttachCommand attach{.target = {}, .result_completion_id = d.number};
  attach.target.emplace<1>(id_of(d.whom).text());
  return entry(d,
               d.flag ? wire::MessageType::attach_invocation_command
                      : wire::MessageType::get_invocation_output_command,
               attach);
}

wire::Command promise(const Draw& d) {
  if (d.flag) {
    wire::CompletePromiseCommand complete{.key = "p", .result_completion_id = d.number};
    complete.completion = wire::Value{.content = "v"};
    return entry(d, wire::MessageType::complete_promise_command, complete);
  }
  return entry(d, wire::MessageType::get_promise_command,
               wire::PromiseCommand{.key = "p", .result_completion_id = d.number});
}

wire::Command output(const Draw& d) {
  wire::OutputCommand output;
  output.result = wire::Value{.content = std::string(d.flag ? 20'000 : 3, 'o')};
  return entry(d, wire::MessageType::output_command, output);
}

wire::Command sleep(const Draw& d, WallTime now) {
  const WallTime due = now + std::chrono::seconds(d.number);
  return entry(
      d, wire::MessageType::sleep_command,
      wire::SleepCommand{.wake_up_time = static_cast<std::uint64_t>(due.time_since_epoch().count()),
                         .result_completion_id = d.number});
}

wire::Command fire(const Draw& d, WallTime now) {
  return {.body = wire::Fire{.due = now - std::chrono::seconds(d.whom),
                             .kind = d.flag ? wire::TimerKind::start : wire::TimerKind::sleep,
                             .id = id_of(d.who),
                             .completion_id = d.flag ? 0 : d.number}};
}

wire::Command suspend(const Draw& d) {
  wire::Future future{.completions = {d.number, d.number + 1}};
  if (d.flag)
    future.nested.push_back(
        {.signals = {17, d.number}, .combinator = wire::Combinator::all_completed});
  future.combinator = static_cast<wire::Combinator>(d.whom % 5);
  return {.body = wire::Suspend{.id = id_of(d.who), .awaiting = std::move(future)}};
}

wire::Command patch(const Draw& d) {
  wire::PatchState patch{.target = target_of(0)};
  patch.state.push_back({.key = std::to_string(d.number), .value = "patched"});
  if (d.flag) patch.expected_version = "of another state";
  return {.body = std::move(patch)};
}

wire::Command purge(const Draw& d, WallTime now) {
  wire::Purge purge{.ids = {id_of(d.who), id_of(d.whom)}, .journal_only = d.flag};
  if (d.number == 1) purge.hours_through = tables::bucket_of(now) - 1;
  return {.body = std::move(purge)};
}

wire::Signal signal(const Draw& d) {
  wire::Signal signal{.id = id_of(d.who), .signal = {}, .result = wire::Void{}};
  if (d.flag) {
    signal.signal = d.number;
  } else {
    signal.signal = std::string("name");
  }
  return signal;
}

wire::Command command_from(const Draw& d, WallTime now) {
  const InvocationId id = id_of(d.who);
  switch (d.verb) {
    case 0:
    case 1:
    case 2:
    case 3: return invoke(d, now);
    case 4: return output(d);
    case 5:
    case 6: return {.body = wire::End{.id = id}};
    case 7: return call(d);
    case 8: return sleep(d, now);
    case 9: return fire(d, now);
    case 10: return suspend(d);
    case 11: return {.body = wire::Cancel{.id = id}};
    case 12: return {.body = wire::Kill{.id = id}};
    case 13: return {.body = wire::Pause{.id = id}};
    case 14: return {.body = wire::Resume{.id = id}};
    case 15: return {.body = signal(d)};
    case 16: return awakeable(d);
    case 17: return attach(d);
    case 18: return promise(d);
    case 19:
      return entry(
          d, wire::MessageType::set_state_command,
          wire::SetStateCommand{.key = std::to_string(d.number), .value = {.content = "v"}});
    case 20:
      return entry(d, wire::MessageType::get_lazy_state_keys_command,
                   wire::CompletableCommand{.result_completion_id = d.number});
    case 21: return patch(d);
    case 22: return purge(d, now);
    case 23:
      return {.body = wire::Respond{.to = {.invocation = id, .completion_id = d.number},
                                    .result = wire::Value{.content = "r"}}};
    case 24: return {.body = wire::TruncateOutbox{.through = d.number}};
    default: return {.body = wire::CompleteRun{.id = id, .completion_id = d.number, .result = {}}};
  }
}

std::vector<wire::Record> records_from(const std::vector<std::vector<Draw>>& draws) {
  std::vector<wire::Record> records;
  double second = 3000;
  for (const auto& some : draws) {
    second += some.empty() ? 1 : some[0].number * (some[0].flag ? 1 : 10);
    wire::Record record{.at = at_second(second)};
    for (const Draw& draw : some) record.commands.push_back(command_from(draw, record.at));
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<std::vector<Draw>> any_draws() {
  return *rc::gen::resize(60, rc::gen::container<std::vector<std::vector<Draw>>>(rc::gen::resize(
                                  3, rc::gen::container<std::vector<Draw>>(any_draw()))));
}

const Owner owner{.partition = home(), .partitions = 2};

// What must hold between the rows after every record.
void check_rows(const PartitionRows::All& rows) {
  std::set<InvocationId> live, ended_with_chunks;
  for (const auto& [key, value] : rows) {
    if (key[0] == static_cast<char>(tables::Kind::live)) live.insert(tables::id_in_live(key));
    if (key[0] != static_cast<char>(tables::Kind::ended)) continue;
    const auto ended = wire::decode<tables::EndedRow>(value);
    RC_ASSERT(ended.has_value());
    if (ended->chunks > 0) ended_with_chunks.insert(tables::id_in_live(key));
    RC_ASSERT(!live.contains(tables::id_in_live(key)));
  }
  std::set<InvocationId> in_locks;
  for (const auto& [key, value] : rows) {
    switch (static_cast<tables::Kind>(key[0])) {
      case tables::Kind::journal: {  // C11: no orphans
        const InvocationId id = tables::id_in_live(key);
        RC_ASSERT(live.contains(id) || ended_with_chunks.contains(id));
        break;
      }
      case tables::Kind::timer: RC_ASSERT(live.contains(tables::timer_in(key).id)); break;
      case tables::Kind::lock: {
        const tables::LockView lock(value);
        RC_ASSERT(lock.held());  // a free lock has no row
        RC_ASSERT(in_locks.insert(*lock.holder()).second);
        for (auto next = lock.next(); next; next = lock.after(*next)) {
          if (next->kind != tables::Waiting::invocation) continue;
          RC_ASSERT(in_locks.insert(*InvocationId::from_bytes(next->bytes)).second);
        }
        break;
      }
      default: break;
    }
  }
  for (const auto& id : in_locks) RC_ASSERT(live.contains(id));
  for (const auto& [key, value] : rows) {
    if (key[0] != static_cast<char>(tables::Kind::live)) continue;
    const auto row = wire::decode<tables::InvocationRow>(value);
    RC_ASSERT(row.has_value());
    const bool scheduled = std::holds_alternative<tables::Scheduled>(row->status);
    const bool exclusive = row->target.handler_type == wire::HandlerType::exclusive;
    RC_ASSERT(in_locks.contains(tables::id_in_live(key)) == (exclusive && !scheduled));
    RC_ASSERT(row->journal.commands <= row->journal.entries);
  }
}

std::string show(const Changes& changes) {
  std::string text(name_of(changes.verdict));
  for (const auto& change : changes.list) text += std::to_string(change.index()) + ",";
  return text;
}

// PP-7 and the announced reads: a replica whose caches forget everything after every
// record, one that remembers all, and one that checkpoints at odd moments agree on rows
// and changes.
RC_GTEST_PROP(Apply, IsPureHoweverWarmTheRowsAre, ()) {
  const auto records = records_from(any_draws());
  PartitionRows cold(owner, tests::Warmth::cold), warm(owner, tests::Warmth::warm),
      odd(owner, tests::Warmth::warm);
  odd.family.caches_know = true;
  Lsn lsn;
  for (const auto& record : records) {
    lsn = lsn.next();
    const auto one = cold.apply(lsn, record), two = warm.apply(lsn, record),
               three = odd.apply(lsn, record);
    RC_ASSERT(one.has_value());
    RC_ASSERT(show(*one) == show(*two));
    RC_ASSERT(show(*one) == show(*three));
    if (lsn.raw() % 5 == 0) odd.checkpoint();
    const auto rows = cold.all();
    RC_ASSERT(rows == warm.all());
    RC_ASSERT(rows == odd.all());
    check_rows(rows);
  }
}

// PP-6: applying a prefix, losing what was not laid down, and applying from the
// checkpoint on again gives the same rows.
RC_GTEST_PROP(Apply, ReplayFromACheckpointGivesTheSameRows, ()) {
  const auto records = records_from(any_draws());
  const auto cut = *rc::gen::inRange<std::size_t>(0, records.size() + 1);
  PartitionRows whole(owner, tests::Warmth::warm), first(owner, tests::Warmth::warm),
      second(owner, tests::Warmth::warm);
  for (std::size_t i = 0; i < records.size(); ++i) {
    RC_ASSERT(whole.apply(Lsn(i + 1), records[i]).has_value());
    RC_ASSERT(first.apply(Lsn(i + 1), records[i]).has_value());
    if (i + 1 == cut) first.checkpoint();
  }
  if (cut > 0) second.family.rows = first.family.rows;  // what a crash leaves
  for (std::size_t i = cut; i < records.size(); ++i) {
    RC_ASSERT(second.apply(Lsn(i + 1), records[i]).has_value());
  }
  RC_ASSERT(second.all() == whole.all());
}

// PP-4: a model of one object's queue.
RC_GTEST_PROP(Apply, TurnsAreTakenInOrderOfAdmission, ()) {
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange(0, 12)));
  PartitionRows rows(owner, tests::Warmth::warm);
  std::deque<InvocationId> queue;  // the first one runs
  Lsn lsn;
  for (const auto& [verb, n] : steps) {
    const InvocationId id{.partition_key = wire::keyed_partition_key("k"),
                          .uuid = {.high = 3, .low = static_cast<std::uint64_t>(n)}};
    const auto place = std::ranges::find(queue, id);
    const bool runs = !queue.empty() && queue.front() == id;
    std::optional<InvocationId> starts;
    wire::Record record{.at = at_second(1)};
    if (verb == 0 || verb == 3) {
      record.commands.push_back(
          {.body = wire::Invoke{.id = id, .target = target_from("obj:Counter/k/add")}});
      if (place == queue.end()) queue.push_back(id);
      if (queue.size() == 1 && place == queue.end()) starts = id;
      if (queue.size() == 1 && !runs) starts = id;
    } else {
      if (verb == 1) record.commands.push_back({.body = wire::Kill{.id = id}});
      if (verb == 2 && !runs) continue;  // only who runs can end
      if (verb == 2) record.commands.push_back({.body = wire::End{.id = id}});
      if (place != queue.end()) queue.erase(place);
      if (runs && !queue.empty()) starts = queue.front();
    }
    lsn = lsn.next();
    const auto changes = rows.apply(lsn, record);
    RC_ASSERT(changes.has_value());
    std::optional<InvocationId> started;
    for (const auto& change : changes->list) {
      if (const auto* run = std::get_if<Run>(&change)) started = run->id;
    }
    RC_ASSERT(started == starts);
  }
}

TEST(Futures, AnEmptyOneIsSettled) { EXPECT_EQ(settle({}, {}), Settled::succeeded); }

TEST(Futures, DepthCostsNoStack) {
  wire::Future deep{.completions = {1}};
  for (int i = 0; i < 100'000; ++i) {
    wire::Future outer;
    outer.nested.push_back(std::move(deep));
    deep = std::move(outer);
  }
  tables::JournalRow journal;
  EXPECT_EQ(settle(deep, journal), Settled::open);
  journal.completions.insert(1);
  EXPECT_EQ(settle(deep, journal), Settled::succeeded);
  while (!deep.nested.empty()) {  // its own destructor would recurse
    wire::Future inner = std::move(deep.nested[0]);
    deep = std::move(inner);
  }
}

TEST(Apply, TablesOfAnotherPartitionAreRefused) {
  PartitionRows rows(owner);
  wire::Record record;
  record.commands.push_back({.body = wire::Cancel{.id = id_of(0)}});
  ASSERT_TRUE(rows.apply(Lsn(1), record));
  rows.in_fiber([&] {
    tables::Pins pins(*rows.store);
    const Owner other{.partition = PartitionId(5), .partitions = 8};
    tables::Reads missing;
    missing_for(record, other, *rows.store, missing);
    ASSERT_TRUE(rows.store->prepare(missing, pins));
    Changes changes;
    const auto applied = apply(Lsn(2), record, other, *rows.store, changes);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, Code::conflict);
  });
}

}  // namespace
}  // namespace perdure::processor
