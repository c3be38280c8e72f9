// Drawn conversations: pieces of any size both ways at once, on either side's time, and
// perhaps one that breaks off.  What arrives is a beginning of what was written; an end is
// heard only where one was said.
#include <rapidcheck.h>

#include <algorithm>
#include <numeric>
#include <span>

#include "tests/io/http_houses.h"

namespace perdure::io {
namespace {

using namespace std::chrono_literals;

enum class Misfortune { none, server_resets, server_leaves, caller_leaves };

struct Plan {
  std::vector<std::size_t> up, down;  // pieces, in bytes
  bool server_hears_first = false;    // all of the request, before it says a word
  bool slow_server = false, slow_caller = false;
  Misfortune misfortune = Misfortune::none;
  std::size_t after = 0;  // so many pieces of whose misfortune it is
};
std::ostream& operator<<(std::ostream& out, const Plan& plan) {
  out << "up";
  for (const std::size_t size : plan.up) out << ' ' << size;
  out << ", down";
  for (const std::size_t size : plan.down) out << ' ' << size;
  return out << (plan.server_hears_first ? ", hears first" : "")
             << (plan.slow_server ? ", slow server" : "")
             << (plan.slow_caller ? ", slow caller" : "") << ", misfortune "
             << static_cast<int>(plan.misfortune) << " after " << plan.after;
}

Plan any_plan() {
  const auto pieces = [] {
    const auto size = rc::gen::oneOf(rc::gen::inRange<std::size_t>(0, 300),
                                     rc::gen::inRange<std::size_t>(0, 100'000));
    return *rc::gen::resize(12, rc::gen::container<std::vector<std::size_t>>(size));
  };
  Plan plan = {.up = pieces(), .down = pieces()};
  plan.server_hears_first = *rc::gen::arbitrary<bool>();
  plan.slow_server = *rc::gen::element(true, false, false);
  plan.slow_caller = *rc::gen::element(true, false, false);
  plan.misfortune = *rc::gen::element(Misfortune::none, Misfortune::none, Misfortune::server_resets,
                                      Misfortune::server_leaves, Misfortune::caller_leaves);
  plan.after = *rc::gen::inRange<std::size_t>(0, 4);
  return plan;
}

// Byte n of every body; long enough to tell a hole or a repetition.
const std::string& pattern() {
  static const std::string bytes = [] {
    std::string made;
    for (std::uint32_t i = 0; made.size() < 2'000'000; ++i) made += std::to_string(i * 7919) + ",";
    return made;
  }();
  return bytes;
}

// What one side saw of the other's body.
struct Heard {
  std::size_t bytes = 0;
  bool as_said = true;  // no byte is another than was written
  bool ended = false;   // cleanly
  std::string why;      // how it broke
};

// Both sides of one conversation.
struct Told {
  Heard request, answer;
  std::size_t said_up = 0, said_down = 0;  // taken whole
  std::string up_broke, down_broke, response = "none";
  bool served = false;
};

class HttpConversations : public OnHttpHouse {
 protected:
  template <class Body>
  Heard hear_all(Body& body, bool slowly) {
    Heard heard;
    while (true) {
      if (slowly) (void)fibers().sleep_until(in(100us));
      const auto some = body.read(soon());
      if (!some) return heard.why = name_of(some.error().code), heard;
      if (some->empty()) return heard.ended = true, heard;
      heard.as_said = heard.as_said && pattern().substr(heard.bytes, some->size()) == *some;
      heard.bytes += some->size();
    }
  }
  // The code it failed with; "" when all was taken.
  template <class Body>
  std::string say(Body& body, std::span<const std::size_t> pieces, std::size_t& at) {
    for (const std::size_t size : pieces) {
      const auto written = body.write(std::string_view(pattern()).substr(at, size), soon());
      if (!written) return std::string(name_of(written.error().code));
      at += size;
    }
    return "";
  }

  void serve_one(Exchange& exchange, const Plan& plan, Told& told) {
    Group readers(fibers());
    readers.start("hears", [&] { told.request = hear_all(exchange, plan.slow_server); });
    if (plan.server_hears_first) readers.join();
    const bool breaks = plan.misfortune == Misfortune::server_resets ||
                        plan.misfortune == Misfortune::server_leaves;
    const std::size_t pieces = breaks ? std::min(plan.after, plan.down.size()) : plan.down.size();
    exchange.start({});
    told.down_broke = say(exchange, std::span(plan.down).first(pieces), told.said_down);
    if (plan.misfortune == Misfortune::server_resets) exchange.reset();
    if (plan.misfortune == Misfortune::server_leaves) readers.cancel();
    if (!breaks) exchange.finish();
    readers.join();
    told.served = true;
  }
  void converse(HttpServer& server, const Plan& plan, Told& told) {
    auto opened = http().call(target(server), request("POST", "/"), soon());
    if (!opened) {
      told.response = name_of(opened.error().code);
      return;
    }
    const std::unique_ptr<HttpCall> made = *std::move(opened);
    const bool leaves = plan.misfortune == Misfortune::caller_leaves;
    Group readers(fibers());
    readers.start("hears", [&] {
      const auto response = made->response(soon());
      told.response = response ? std::to_string(response->status) : name_of(response.error().code);
      if (response) told.answer = hear_all(*made, plan.slow_caller);
    });
    const std::size_t pieces = leaves ? std::min(plan.after, plan.up.size()) : plan.up.size();
    told.up_broke = say(*made, std::span(plan.up).first(pieces), told.said_up);
    if (!leaves) made->finish();
    if (leaves) readers.cancel();
    readers.join();
  }
};

std::size_t total(std::span<const std::size_t> pieces) {
  return std::accumulate(pieces.begin(), pieces.end(), std::size_t{0});
}

void check(const Plan& plan, const Told& told) {
  RC_ASSERT(told.request.as_said && told.answer.as_said);
  RC_ASSERT(told.request.bytes <= total(plan.up));
  RC_ASSERT(told.answer.bytes <= total(plan.down));
  for (const std::string* code :
       {&told.request.why, &told.answer.why, &told.up_broke, &told.down_broke, &told.response}) {
    RC_ASSERT(*code != "timed_out");
  }
  RC_ASSERT(!told.request.ended || told.request.bytes == total(plan.up));
  RC_ASSERT(!told.answer.ended || told.answer.bytes == total(plan.down));
  switch (plan.misfortune) {
    case Misfortune::none:
      RC_ASSERT(told.request.ended && told.answer.ended);
      RC_ASSERT(told.response == "200");
      break;
    case Misfortune::server_resets:
    case Misfortune::server_leaves:
      RC_ASSERT(!told.answer.ended);
      RC_ASSERT((told.response == "200" ? told.answer.why : told.response) == "failed");
      break;
    case Misfortune::caller_leaves:
      RC_ASSERT(!told.request.ended);
      RC_ASSERT(!told.served || told.request.why == "failed" || told.request.why == "cancelled");
      break;
  }
}

TEST_P(HttpConversations, AreHeardAsTheyWereSaid) {
  EXPECT_TRUE(rc::check([&] {
    const Plan plan = any_plan();
    RC_LOG() << plan << '\n';
    Told told;
    run([&] {
      const auto server = serve([&](Exchange& exchange) { serve_one(exchange, plan, told); });
      converse(*server, plan, told);
      server->stop(soon());
    });
    check(plan, told);
  }));
}

ON_ALL_HTTP_HOUSES(HttpConversations);

}  // namespace
}  // namespace perdure::io
