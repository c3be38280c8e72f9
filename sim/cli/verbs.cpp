// The verbs there are.  A new one is a line here, one in verbs.h, and its file.
#include "sim/cli/verbs.h"

#include <array>

namespace perdure::sim::cli {

std::span<const VerbEntry> verbs() {
  static constexpr std::array all = {
      VerbEntry{"run", "Runs seeds; prints how to replay each that fails", make_run},
      VerbEntry{"replay", "Runs one seed again and tells how it ended", make_replay},
      VerbEntry{"expand", "Writes a seed down as a schedule", make_expand},
      VerbEntry{"shrink", "Makes a failing seed small", make_shrink},
      VerbEntry{"blame", "Finds when it was decided that a seed fails", make_blame},
      VerbEntry{"coverage", "Lists the marks that a campaign reached", make_coverage},
      VerbEntry{"trace", "Tells the story of one seed, as lines or as a picture", make_trace},
      VerbEntry{"why", "Goes back from one event to its causes, in words", make_why},
      VerbEntry{"doctor", "Twin runs of every scenario, and the planted bugs of the self-tests",
                make_doctor},
      VerbEntry{"exam", "Plants known bugs, and asks whether the checks see them", make_exam},
      VerbEntry{"worker", "", make_worker},
      VerbEntry{"tell", "", make_tell},
  };
  return all;
}

}  // namespace perdure::sim::cli
