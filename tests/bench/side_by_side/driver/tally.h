// What came of the requests, and how long they took.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bench {

class Tally {
 public:
  // Times in microseconds.  Latencies are kept of what is answered within [from, until].
  struct Measured {
    std::uint64_t begun = 0, from = 0, until = 0;
    int timeline_ms = 0;
  };
  static constexpr int no_answer = -1;  // instead of a status

  explicit Tally(Measured measured) : measured_(measured) {}

  void right(std::uint64_t now, std::uint64_t asked_at);
  void wrong(const std::string& answer);
  void failed(int status, const std::string& answer);

  std::uint64_t rights = 0, wrongs = 0, errors = 0, retries = 0, reconnects = 0;
  std::uint64_t first_right = 0;                      // when; 0: never
  std::uint64_t longest_gap = 0, longest_gap_at = 0;  // between two right answers
  std::vector<std::uint32_t> latencies;               // µs
  std::vector<std::uint32_t> timeline;                // right answers in each piece of time
  std::map<int, std::uint64_t> errors_by_status;
  std::string first_error;

 private:
  const Measured measured_;
  std::uint64_t last_right_ = 0;
};

}  // namespace bench
