// The scenarios there are.  A new one is a line here.
#include <array>
#include <vector>

#include "sim/cluster/cluster.h"
#include "sim/cluster/log_cluster.h"
#include "sim/cluster/raft_cluster.h"
#include "sim/cluster/single_node.h"
#include "sim/rehearsal/features.h"
#include "sim/scenario.h"
#include "sim/selftest/journal.h"

namespace perdure::sim {

using selftest::Bug;
using selftest::journal;

namespace {

std::vector<Scenario>& all_scenarios() {
  static constexpr std::array built_in = {
      Scenario{"single_node", "One server keeps every promise through crashes and bad weather.",
               single_node},
      Scenario{"raft_cluster",
               "The metadata group agrees on everything, whoever crashes, is cut off, or goes.",
               raft_cluster},
      Scenario{"log_cluster",
               "Writers fight for a replicated log; what it acknowledged everybody reads.",
               log_cluster},
      Scenario{"handler_features", "C++ handlers keep every promise, whatever feature they use.",
               handler_features},
      Scenario{
          "cluster",
          "Several servers keep every promise, whoever crashes, is cut off, or loses its disk.",
          cluster},
      Scenario{"journal", "A tiny journal server keeps every value that it answered.",
               journal<Bug::none>},
      Scenario{"journal_answers_before_sync", "The same, but it answers first and syncs later.",
               journal<Bug::answers_before_sync>, "acked-is-durable"},
      Scenario{"journal_forgets_the_folder", "The same, but new files' names are never synced.",
               journal<Bug::forgets_the_folder>, "acked-is-durable"},
      Scenario{"journal_stops_at_torn_records",
               "The same, but one file's torn end hides the files after it.",
               journal<Bug::stops_at_torn_records>, "acked-is-durable"},
      Scenario{"journal_goes_on_after_failed_sync",
               "The same, but it believes a sync that comes after a failed one.",
               journal<Bug::goes_on_after_failed_sync>, "acked-is-durable"},
      Scenario{"journal_assumes_whole_reads", "The same, but a short read passes for a request.",
               journal<Bug::assumes_whole_reads>, "nothing-invented"},
      Scenario{"journal_depends_on_addresses",
               "The same, but it waits for as long as an address in memory is high.",
               journal<Bug::depends_on_addresses>, "harness.nondeterminism"},
  };
  static std::vector<Scenario> all(built_in.begin(), built_in.end());
  return all;
}

}  // namespace

std::span<const Scenario> scenarios() { return all_scenarios(); }

void add_scenarios(std::vector<Scenario> own) {
  std::vector<Scenario>& all = all_scenarios();
  all.insert(all.begin(), own.begin(), own.end());
}

}  // namespace perdure::sim
