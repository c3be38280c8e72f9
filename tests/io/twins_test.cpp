#include "tests/io/twins.h"

#include "tests/io/net_twin.h"
#include "tests/io/sim_twin.h"

namespace perdure::io {

const std::vector<TwinMaker>& all_twins() {
  static const std::vector<TwinMaker> twins = {
      {.name = "net", .make = &make_net_twin},
      {.name = "sim", .make = &make_sim_twin},
  };
  return twins;
}

}  // namespace perdure::io
