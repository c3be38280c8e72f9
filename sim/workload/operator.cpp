#include "sim/workload/operator.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/io/fibers.h"
#include "engine/io/random.h"
#include "engine/io/trace.h"
#include "sim/workload/requests.h"
#include "sim/world/guests.h"

namespace perdure::sim {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration patience = seconds(5);          // with one request
constexpr Duration drained_at_most = seconds(20);  // then it is activated again
// What was asked for and not answered happens within that, or never.
constexpr Duration unanswered_at_most = seconds(15);
constexpr Duration look_again = milliseconds(500);

}  // namespace

class Operator::Shift {
 public:
  Shift(Operator& all, io::World& world) : all_(all), world_(world) {}

  void work() {
    while (!all_.over_ && rest()) {
      switch (world_.random.below("operator.act", all_.options_.removes ? 7 : 6)) {
        case 0: move_leader(); break;
        case 1: change_a_line("pin"); break;
        case 2: change_a_line("freeze"); break;
        case 3: put_back(); break;
        case 4: drain(false); break;
        case 5: ask_for_copies(1); break;
        default: drain(true);
      }
    }
    for (int round = 0; round < 2; ++round) {
      while (!put_back()) {
        if (!pause(look_again)) return;
      }
      if (!pause(unanswered_at_most)) return;
    }
    all_.finished_ = true;
  }

 private:
  bool pause(Duration span) {
    return world_.fibers.sleep_until(world_.fibers.now() + span).has_value();
  }
  // In short steps, as it may all be over meanwhile.
  bool rest() {
    const auto most = std::chrono::duration_cast<milliseconds>(all_.options_.gap).count();
    const milliseconds span(
        world_.random.below("operator.rest", static_cast<std::uint64_t>(most) + 1));
    const Instant until = world_.fibers.now() + span;
    while (world_.fibers.now() < until && !all_.over_) {
      if (!pause(std::min<Duration>(look_again, until - world_.fibers.now()))) return false;
    }
    return true;
  }

  // Asks a node that is drawn, once.  Absent when it did not answer, or said to ask again.
  std::optional<Answered> ask_somebody(std::string method, std::string target,
                                       std::string body = {}) {
    const auto& nodes = all_.options_.nodes;
    const std::string& node = nodes[world_.random.below("operator.node", nodes.size())];
    const auto answer = ask(world_,
                            {.authority = node + ":5122",
                             .method = std::move(method),
                             .target = std::move(target),
                             .body = std::move(body)},
                            world_.fibers.now() + patience);
    if (!answer || answer->is_for_now()) return std::nullopt;
    return *answer;
  }
  std::optional<json> look(const std::string& what) {
    const auto answer = ask_somebody("GET", "/cluster/" + what);
    if (!answer || answer->status != 200) return std::nullopt;
    json found = json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
    if (found.is_discarded()) return std::nullopt;
    return found;
  }
  bool act(const std::string& what, std::string body = {}) {
    const auto answer = ask_somebody("POST", "/cluster/" + what, std::move(body));
    const bool done = answer && answer->status == 200;
    world_.trace.event(io::Level::debug, done ? "operator.acted" : "operator.was_refused",
                       {{"what", what}});
    return done;
  }

  // --- partitions ---

  std::optional<json> some_line() {
    const auto plan = look("partitions");
    if (!plan || (*plan)["partitions"].empty()) return std::nullopt;
    const json& lines = (*plan)["partitions"];
    return lines[world_.random.below("operator.line", lines.size())];
  }
  static std::string path_of(const json& line, const std::string& words) {
    return fmt::format("partitions/{}/{}", line["id"].get<std::uint64_t>(), words);
  }
  std::string some_replica(const json& line) {
    const json& replicas = line["replicas"];
    const auto at = world_.random.below("operator.replica", replicas.size());
    return std::to_string(replicas[at].get<std::uint64_t>());
  }
  void move_leader() {
    const auto line = some_line();
    if (line && !(*line)["replicas"].empty()) act(path_of(*line, "leader/" + some_replica(*line)));
  }
  void change_a_line(const std::string& how) {
    const auto line = some_line();
    if (!line || (*line)["replicas"].empty()) return;
    act(path_of(*line, how == "pin" ? "pin/" + some_replica(*line) : how));
  }

  // --- copies ---

  std::string copies(std::uint32_t more) const {
    const OperatorOptions& options = all_.options_;
    const std::string zones = options.zones > 1 ? fmt::format("zone: {}, ", options.zones) : "";
    return fmt::format("{{{}node: {}}}", zones, options.copies + more);
  }
  // Never fewer than at the start, on which the budget of disks to lose rests.
  bool ask_for_copies(std::uint32_t more) { return act("replication", copies(more)); }

  // --- nodes ---

  // Of those that are not gone.
  std::optional<json> nodes_there() {
    const auto status = look("status");
    if (!status) return std::nullopt;
    json there = json::array();
    for (const json& node : (*status)["nodes"]) {
      if (node["state"] != "gone") there.push_back(node);
    }
    return there;
  }
  static std::string path_to(const json& node, const std::string& state) {
    return fmt::format("nodes/{}/{}", node["id"].get<std::uint64_t>(), state);
  }

  void drain(bool and_remove) {
    const auto there = nodes_there();
    if (!there || there->size() < all_.options_.nodes.size()) return;
    const json node = (*there)[world_.random.below("operator.drained", there->size())];
    if (!act(path_to(node, "draining"))) return;
    if (and_remove) {
      ask_to_remove(node);
    } else {
      rest();
    }
    while (!act(path_to(node, "active"))) {
      if (is_gone(node)) return all_.replace_disk(node["name"]);
      if (!pause(look_again)) return;
    }
  }
  bool is_gone(const json& node) {
    const auto there = nodes_there();
    return there &&
           std::ranges::none_of(*there, [&](const json& n) { return n["id"] == node["id"]; });
  }
  // As long as it has something left it is refused.  What is not answered may happen later.
  void ask_to_remove(const json& node) {
    if (!all_.may_lose_disk(node["name"])) return;
    const Instant until = world_.fibers.now() + drained_at_most;
    while (world_.fibers.now() < until && !all_.over_ && pause(look_again)) {
      if (act(path_to(node, "gone"))) return;
    }
  }

  // Everybody is active, nothing pinned or frozen, and of everything as many copies as before.
  bool put_back() {
    const auto there = nodes_there();
    const auto plan = look("partitions");
    if (!there || !plan) return false;
    bool all = (*plan)["replication"] == copies(0) || ask_for_copies(0);
    for (const json& node : *there) {
      if (node["state"] == "draining") all = act(path_to(node, "active")) && all;
    }
    for (const json& line : (*plan)["partitions"]) {
      if (line["pinned"] != 0) all = act(path_of(line, "unpin")) && all;
      if (line["frozen"] != false) all = act(path_of(line, "unfreeze")) && all;
    }
    return all;
  }

  Operator& all_;
  io::World& world_;
};

void Operator::start() {
  finished_ = false;
  experiment_.universe()
      .add_host({.name = "foreman", .helper = true})
      .start(on_shard_0([this](io::World& world) { Shift(*this, world).work(); }));
}

bool Operator::may_lose_disk(const std::string& node) {
  return experiment_.budget().spend(faults::WipeDisk{.host = node}).has_value();
}

// Between events: nobody pulls out a disk from inside of a process.
void Operator::replace_disk(const std::string& node) {
  Universe& universe = experiment_.universe();
  universe.loop.after(0, Life(), Kind::nemesis, 0, [&universe, node] {
    Host& host = universe.host(node);
    host.crash(Death::power_loss);
    host.wipe();
    host.restart_after(nanos(milliseconds(100)));
    universe.recorder.count("operator.replaced_a_disk", 1);
  });
}

}  // namespace perdure::sim
