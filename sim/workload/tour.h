// sim/workload/tour.h
//
// Clients that use every feature there is, one after the other, each with a claim of its
// own that is judged as soon as the answer is there:
//
//     count, list   reads show at least what was answered before, and never go back
//     later         a delayed send happens once, and not before its time
//     hold          held, cancelled, killed, paused, resumed: an outcome, and it stays
//     flow          a workflow runs once; of two who complete its promise one is first, and
//                   whoever waits for it is told; purged, it leaves nothing
//     map           set, clear, clear all: each answer is the last one plus one change
//     fan           parallel calls, all awaited: 1, 2, ... n in some order
//     failing       a callee's failure reaches the caller, the same each time
//     big, steps    long inputs and long journals come back whole
//     race          the earlier of a sleep and a promise that nobody keeps
//     forget        a purged result is not remembered: the same call happens again
//     output        what was answered can be asked for by its name
//     fleeting      what is kept for seconds is known so long, and forgotten then
//     never         what was called off before its time does not happen
//     errand        a handler's delayed send: once, not before its time
//     attach        a handler asks for the outcome of another's invocation
//     meet          one handler completes another's awakeable: the first word stands
//     family        who is killed takes along whom it called
//     patch         an operator replaces the state of an object, in its turn
//     twice         the same twice is one: the second is told so, and gets what the first gets
//     pair          the same, of a handler and a client at once
//     stopped       who would live for an hour is over when an operator says so
//     mourn         whoever waits for one that is killed hears of it
//     hopeless      what fails each time fails for good, or is paused, after three attempts
//     restart       begun again as another: what it takes along of its journal stays as it was;
//                   without a journal there is nothing to begin
//     breath        requests of HTTP/1.1 that follow each other unanswered are all answered, in
//                   their order
//
// Everything is retried until it is answered: what is in doubt for the client is not in
// doubt for these claims, since each call carries an idempotency key.
//
// When the world is healed, probes ask for promptness; and when all has ended, nothing
// of it may be left over but results.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/check/history.h"
#include "sim/check/observers.h"
#include "sim/check/state_model.h"
#include "sim/scenario.h"

namespace perdure::sim {

struct TourOptions {
  std::uint32_t tourists = 2;
  std::uint32_t sights = 18;                      // of each
  std::uint32_t keys = 2;                         // of objects that they share
  Duration gap = std::chrono::milliseconds(700);  // at most, between two
  Duration timeout = std::chrono::seconds(10);    // of one attempt
  std::vector<std::string> nodes = {"n1"};        // one is drawn for each attempt
};

// As the plan of the run says, or else as by default.
TourOptions tour_options(Experiment& experiment, TourOptions otherwise = {});

class Tour {
 public:
  Tour(Experiment& experiment, TourOptions options, const History& history, Journals& journals);
  ~Tour();

  void start();
  bool finished() const { return walking_ == 0; }
  // In fair weather: every probe is answered within its time.
  void start_probing();
  bool probed() const { return probing_ == 0; }
  // What was promised for later has come true.
  void start_reading();
  bool read_all() const { return read_; }

 private:
  class Tourist;
  void report(std::string_view check, std::string_view subject, std::string detail);
  Nanos now() const { return experiment_.universe().loop.now(); }
  bool clocks_are_right() const;
  bool clocks_jumped() const;

  Experiment& experiment_;
  const TourOptions options_;
  const History& history_;
  Journals& journals_;
  StateModel model_;
  std::uint32_t walking_ = 0, probing_ = 0;
  bool read_ = false;
  std::vector<std::string> once_;            // keys of Counter that must stand at 1 in the end
  std::vector<std::string> never_;           // and at 0
  std::vector<std::string> called_off_;      // invocations, of which duplicates may have come late
  std::uint64_t sent_ = 0, told_fresh_ = 0;  // names that were sent for the first time
  bool clocks_may_err_ = false;              // they are offset, drift or are set during this run
};

}  // namespace perdure::sim
