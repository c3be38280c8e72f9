// sim/trace/story.h
//
// All that happened in one run, in order: what replaying a seed writes down, and what
// every picture of it is made of.
//
//     Loop, Shard, Network, Disk, Nemesis, clients, checks
//            │  tell()
//            ▼
//     Story { about the run, hosts, texts, moments }
//            │
//            ├─► lines (view.h)   why (why.h)   page (page.h)   perfetto (perfetto.h)
//            └─► a file and back (story_file.h)
//
// A Moment has a number, its place in the story counted from 1, and the number of the
// moment that caused it: a delivery is caused by its send, a fiber's step by what woke
// it, what a step does by that step.  So "why" is a walk back.
//
//     moment.cause < moment.number;  0: nothing caused it, the run began so
//
// Numbers of moments are of this story only.  The number of an *event* of the loop is
// the same in every run of the seed, told or not: it is what people write down.
//
// Passing runs tell nothing: without a story each of these calls is one comparison.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/trace.h"

namespace perdure::sim::trace {

enum class What : std::uint8_t {
  turn,       // a shard's turn begins
  timer,      // a deadline of a shard is due
  spawn,      // a fiber was made
  resume,     // a fiber runs on
  park,       // a fiber stopped running: parked, yielded or ended
  cancel,     // a parked fiber was told to give up
  send,       // something is on its way; a: to which host, b: bytes
  arrive,     // it is there
  drop,       // it will never be
  disk,       // asked of a disk, or its answer
  tables,     // the same of tables
  objects,    // the same of the bucket
  fault,      // a misfortune begins; a: how long it lasts in ns, 0: at once
  fault_end,  // and ends
  up,         // a process starts
  down,       // and is gone; a: 1 when its machine lost power
  mark,       // the engine said so
  role,       // who leads
  append,     // a record is on its way into a log
  commit,     // and can no longer be lost
  seal,       // a loglet takes no more
  trim,       // the beginning of a log is gone
  apply,      // a record is in the tables
  invoke,     // a client asked; a: the operation's number
  retry,      // and asked again
  answer,     // and was told; b: 0 answered, 1 refused, 2 fate unknown
  check,      // something was found to be wrong
  digest,     // of state; b: its hash
  nemesis,    // the simulator's own doing
  workload,
};
inline constexpr std::size_t what_count = static_cast<std::size_t>(What::workload) + 1;
std::string_view name_of(What);
std::optional<What> what_of(std::string_view name);
// What the engine's mark of this name is: its last word decides, "log.committed".
What what_of_mark(std::string_view mark);

using TextId = std::uint32_t;  // 0 is the empty text

struct Moment {
  std::uint64_t event = 0;  // of the loop
  std::uint64_t at = 0;     // ns since the run began
  std::uint64_t cause = 0;  // number of a moment
  std::uint64_t a = 0, b = 0;
  std::uint64_t payload = 0;  // a hash of what it was about
  std::uint32_t host = 0;     // 0: the world
  std::uint32_t incarnation = 0;
  std::uint32_t fiber = 0;  // slot + 1; 0: none
  std::uint16_t shard = 0;
  What what = What::turn;
  io::Level level = io::Level::debug;
  TextId name = 0, detail = 0;
  friend bool operator==(const Moment&, const Moment&) = default;
};

struct StoryHost {
  std::string name;
  std::uint32_t shards = 1;
  bool helper = false;
  friend bool operator==(const StoryHost&, const StoryHost&) = default;
};

// What stands above the story.
struct About {
  std::string token, build, scenario, tale;  // tale: the scenario's one sentence
  std::uint64_t seed = 0;
  std::string drawn;                   // profile, kinds of faults
  std::vector<std::string> schedule;   // misfortunes as drawn, one a line
  std::string check, subject, detail;  // of what was found; empty: the run passed
  std::uint64_t found_at_event = 0, events = 0, time = 0;
  std::string digest;
  bool passed() const { return check.empty(); }
  friend bool operator==(const About&, const About&) = default;
};

class Story {
 public:
  About about;
  std::vector<StoryHost> hosts = {{.name = "world", .helper = true}};

  // Its number.
  std::uint64_t add(Moment moment) {
    moments_.push_back(moment);
    return moments_.size();
  }
  TextId text(std::string_view text);  // the same text, the same id

  std::uint64_t size() const { return moments_.size(); }
  const Moment& moment(std::uint64_t number) const { return moments_[number - 1]; }
  const std::vector<Moment>& moments() const { return moments_; }
  std::string_view text(TextId id) const { return texts_[id]; }
  const std::vector<std::string>& texts() const { return texts_; }
  std::string_view host_name(std::uint32_t host) const {
    return host < hosts.size() ? std::string_view(hosts[host].name) : std::string_view("?");
  }
  // The first moment of this event, or of the next there is; 0: none.
  std::uint64_t first_of_event(std::uint64_t event) const;

 private:
  std::vector<Moment> moments_;
  std::vector<std::string> texts_ = {""};
  std::map<std::string, TextId, std::less<>> ids_ = {{"", 0}};
};

}  // namespace perdure::sim::trace
