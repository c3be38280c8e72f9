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

}  // namespace

Result<void> submit(const Call& call, std::uint64_t partition_key, wire::Command command) {
  wire::Record record;
  record.producer = wire::RequestProducer{.high = call.needs.random.draw("admin.request"),
                                          .low = call.needs.random.draw("admin.request"),
                                          .first_attempt = call.needs.clock.wall()};
  record.commands.push_back(std::move(command));
  const std::string bytes = wire::encode(record);
  const Instant give_up = call.deadline();
  for (;;) {
    Result<void> done = call.needs.partitions.submit(partition_key, bytes, give_up);
    if (done || !is_worth_retrying(done.error().code)) return done;
    const Instant again = call.needs.fibers.now() + call.options.retry_pause;
    if (again >= give_up) return done;
    TRY_VOID(call.needs.fibers.sleep_until(again));
  }
}

}  // namespace perdure::admin
