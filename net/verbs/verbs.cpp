#include "net/verbs/verbs.h"

namespace perdure::net {

void add_verbs(CLI::App& app, const Chosen& chosen) {
  add_cluster(app, chosen);
  add_log(app, chosen);
}

}  // namespace perdure::net
