#include "engine/admin/requests.h"

#include "engine/io/clock.h"
#include "engine/io/fibers.h"
#include "engine/io/random.h"

namespace perdure::admin {
namespace {

bool is_worth_retrying(Code code) {
  return code == Code::retry_later || code == Code::retry_elsewhere || code == Code::fenced ||
         code == Code::full || code == Code::timed_out || code == Code::failed;
}

// After these nothing of the submission can be in the log.
bool is_surely_refused(Code code) {
  return code == Code::retry_later || code == Code::retry_elsewhere || code == Code::full;
}

// The same bytes until their fate is known.
Result<Submitted> submit_until_known(const Call& call, std::uint64_t partition_key,
                                     const std::string& bytes, Instant give_up) {
  bool surely_refused = true;
  for (;;) {
    Result<Submitted> done = call.needs.partitions.submit(partition_key, bytes, give_up);
    // An earlier submission may have taken effect before its id was forgotten.
    if (done && done->refused_at && !surely_refused) {
      return fail(Code::failed, "the request may have been accepted");
    }
    if (done || !is_worth_retrying(done.error().code)) return done;
    surely_refused = surely_refused && is_surely_refused(done.error().code);
    const Instant again = call.needs.fibers.now() + call.options.retry_pause;
    if (again >= give_up) return done;
    TRY_VOID(call.needs.fibers.sleep_until(again));
  }
}

}  // namespace

// The clock of a partition's leader may have been far from ours when it last looked: then
// the request gets another id, of its time.
Result<void> submit(const Call& call, std::uint64_t partition_key, wire::Command command) {
  const Instant give_up = call.deadline();
  io::Random& random = call.needs.random;
  WallTime time = call.needs.clock.wall();
  wire::Record record;
  record.commands.push_back(std::move(command));
  for (int tries = 0; tries < 3; ++tries) {
    record.producer = wire::RequestProducer{.high = random.draw("admin.request"),
                                            .low = random.draw("admin.request"),
                                            .first_attempt = time};
    TRY(done, submit_until_known(call, partition_key, wire::encode(record), give_up));
    if (!done.refused_at) return {};
    time = *done.refused_at;
  }
  return fail(Code::retry_later, "the clocks of the cluster jump: it is safe to retry the request");
}

}  // namespace perdure::admin
