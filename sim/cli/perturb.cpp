#include "sim/cli/perturb.h"

#include <stdlib.h>
#include <sys/personality.h>
#include <unistd.h>

namespace perdure::sim::cli {

void become(Twin twin) {
  ::setenv("LC_ALL", "C", 1);
  ::setenv("TZ", twin == Twin::plain ? "UTC" : "Pacific/Auckland", 1);
  if (twin == Twin::plain) return;
  ::personality(ADDR_NO_RANDOMIZE);
  ::setenv("MALLOC_PERTURB_", "165", 1);
  ::setenv("PERDURE_SIM_TWIN", std::string(777, 'x').c_str(), 1);
  [[maybe_unused]] const int moved = ::chdir("/");
}

std::string perturbations() {
  return "no address randomisation, memory filled with 0xa5, time zone Pacific/Auckland, a longer "
         "environment, working directory /";
}

}  // namespace perdure::sim::cli
