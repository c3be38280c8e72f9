// net/verbs/verbs.h
//
// What else the perdure binary does than to serve: verbs for operators.  Each file here is
// one noun of the command line (cluster.cpp: `perdure cluster status`), adds itself to the
// grammar, and hands back what to run when its words were said:
//
//     void add_cluster(CLI::App& app, const Chosen& chosen) {
//       CLI::App* noun = app.add_subcommand("cluster", "Looks at a cluster.");
//       ...
//       verb->callback([chosen, told] { chosen([told] { return show(*told); }); });
//     }
//
// and is one more line in verbs.cpp.
//
// Exit codes of verbs: 0 done; 1 the server refused; 64 the command line is wrong; 65 a data
// directory cannot be used; 69 the server could not be reached; 74 a file could not be read
// or written.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace perdure::net {

using Run = std::function<int()>;  // its exit code
using Chosen = std::function<void(Run)>;

void add_verbs(CLI::App& app, const Chosen& chosen);

void add_cluster(CLI::App& app, const Chosen& chosen);    // cluster.cpp
void add_log(CLI::App& app, const Chosen& chosen);        // log.cpp
void add_log_bench(CLI::App& log, const Chosen& chosen);  // log_bench.cpp

}  // namespace perdure::net
