// So many requests in flight, each asked again from its answer on, until the workload is over.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "connection.h"
#include "options.h"
#include "tally.h"
#include "workload.h"

namespace bench {

class Driver final : private Connection::Owner {
 public:
  explicit Driver(const Options& options);
  ~Driver() override;

  struct Until {
    std::uint64_t stop = 0;  // nothing new from then on
    std::uint64_t end = 0;   // nothing is waited for any more
  };
  void run(Workload& workload, Tally& tally, Until until);
  std::uint64_t unfinished() const;  // of the last run

 private:
  struct Line;
  // One request after another, on one line.
  struct Slot : Exchange {
    Line* line = nullptr;
    enum class State { idle, waits, asks } state = State::idle;
    bool has_request = false;
    int attempts = 0;
    std::uint64_t first_asked_at = 0, again_at = 0;
  };
  struct Line : Connection {
    Line(Driver& driver, int epoll, bool quickack) : Connection(driver, epoll, quickack) {}
    std::size_t target = 0;
    std::uint64_t dial_at = 0;
    std::vector<Slot*> slots;
  };

  void connected(Connection& connection) override;
  void answered(Exchange& exchange, bool whole) override;
  void go_on(Slot& slot);
  void ask(Slot& slot);
  void wait(Slot& slot, std::uint64_t us);
  void failed(Slot& slot, int status);
  void lose(Line& line);
  bool keep_time(std::uint64_t now);  // true: there is something to look after soon
  void turn(int wait_ms);
  bool over() const;

  const Options& options_;
  const int epoll_;
  std::deque<Line> lines_;
  std::deque<Slot> slots_;
  Workload* workload_ = nullptr;
  Tally* tally_ = nullptr;
};

}  // namespace bench
