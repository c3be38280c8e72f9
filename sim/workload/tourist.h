// sim/workload/tourist.h
//
// One of the tour's clients, in one fiber.  A sight is one visit with a claim of its own;
// false, or an error, says that the tourist's process ends.
//
//     sights.cpp           the server from outside: calls, sends, results that are kept
//     sights_between.cpp   handlers among themselves, and what an operator changes
//     sights_stopped.cpp   what is asked twice, and what ends before its time
//     sights_anew.cpp      what is begun again, and what is asked in one breath
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sim/workload/requests.h"
#include "sim/workload/tour.h"

namespace perdure::sim {

class Tour::Tourist {
 public:
  Tourist(Tour& tour, io::World& world, std::uint32_t number)
      : tour_(tour), world_(world), number_(number), version_(some_version(world)) {}

  void walk();
  // Timers far away and near, of which the near ones must not wait for the far ones.
  void probe();
  // What was promised for later has happened once, and what was called off never.
  void read();

 private:
  // What milliseconds round away.
  static constexpr Nanos clock_tolerance = 2'000'000;

  Instant in(Duration span) const;
  std::uint64_t below(std::string_view what, std::uint64_t n);
  bool pause_exactly(Duration span);
  bool pause(Duration at_most);
  std::string shared_key(std::string_view prefix);

  // One port of one of the nodes.
  std::string some_ingress() { return some_node() + ":8080"; }
  std::string some_admin() { return some_node() + ":9070"; }
  const std::string& some_node();
  // Until there is an answer that stands.
  Result<Answered> until_answered(Asked asked, bool of_operator = false);
  Asked call_of(std::string target, std::string body, const std::string& key) const;
  Result<Answered> call(std::string target, std::string body, const std::string& key);
  Result<Answered> get(std::string target);
  Result<Answered> administer(const std::string& invocation, std::string_view verb);
  Result<Answered> patch_state(std::string_view service, std::string body);
  Result<std::string> get_count(const std::string& key);

  bool claim(bool holds, std::string_view check, std::string_view subject, std::string detail);
  bool expect(const Answered& answer, std::string_view subject, std::string_view body);
  // A failure that a handler passed on.
  bool expect_failure(const Answered& answer, std::string_view subject, std::string_view with);
  // To Counter, once, after that time.
  bool send_later(const std::string& key, Duration delay);
  void happens_once_after(const std::string& key, Duration delay);

  bool count();
  bool list();
  bool later();
  bool hold();
  bool stop(std::string_view verb, const std::string& invocation);
  Result<Answered> outcome_of(const std::string& invocation, bool may_be_paused);
  bool flow();
  bool map();
  bool fan();
  bool failing();
  bool big();
  bool steps();
  bool race();
  bool forget();
  bool output();
  bool fleeting();
  bool never();

  bool errand();
  bool attach();
  bool meet();
  bool family();
  bool patch();

  bool twice();
  bool pair();
  bool stopped();
  bool mourn();
  bool hopeless();

  bool restart();
  bool breath();
  // For an hour, unless it is stopped; under this name.
  Result<Answered> send_hour(const std::string& name);
  Result<Answered> outcome(const std::string& invocation);

  bool once_within(const std::string& key, Nanos begin, Duration delay);
  bool nap(Duration span);
  bool echo_promptly();

  Tour& tour_;
  io::World& world_;
  const std::uint32_t number_;
  const io::HttpVersion version_;  // that it speaks
  std::string token_;
  std::uint64_t retries_ = 0;                 // of all that it asked so far
  std::map<std::string, std::string> lists_;  // as last seen
};

}  // namespace perdure::sim
