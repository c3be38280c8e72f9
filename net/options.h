// net/options.h
//
// All that a server can be told, in one table: it feeds the command line, the TOML file,
// the environment, --help and docs/user/configuration.md.
//
//     flag  >  environment  >  file  >  default
//     --data-dir D   PERDURE_DATA_DIR=D   data-dir = "D"
//
// A word that is not in the table is refused, and the nearest one named: a setting that
// was misspelt must not look as if it worked.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/result.h"
#include "engine/node/options.h"
#include "engine/node/snapshot_verbs.h"
#include "net/tls/credentials.h"
#include "net/world.h"

namespace perdure::net {

struct Settings {
  Settings();  // the defaults

  node::Options node;
  ProcessOptions process;
  std::string secret_file;  // of the cluster's secret; "": there is none
  TlsFiles tls;
};

struct Option {
  std::string name;     // "data-dir"
  std::string section;  // heading of the reference
  std::string type;     // "bytes", "address", "one of: a, b"
  std::string range;    // "1 to 1024", "" where every value of the type will do
  std::string default_text;
  std::string doc;  // one sentence
  // Error: invalid, with what is wrong with the text, without the option's name.
  std::function<Result<void>(Settings&, std::string_view text)> set;
};
const std::vector<Option>& all_options();

// "docs/user/configuration.md"
std::string options_as_markdown();

// What the command line asks for.
struct Serve {
  Settings settings;
};
struct HandleSnapshots {
  node::SnapshotVerb verb = node::SnapshotVerb::list;
  std::string data_dir;
  std::optional<PartitionId> partition;  // absent: all
};
struct Print {  // help, version, reference: then done
  std::string text;
};
struct Act {                 // a verb of an operator (net/verbs)
  std::function<int()> run;  // its exit code
};
using Command = std::variant<Serve, HandleSnapshots, Print, Act>;

// `arguments` without the program's name; `environment` as "NAME=value" (others than
// PERDURE_... are looked over).  Reads the configuration file.  Error: invalid, with a
// sentence for whoever typed it.
Result<Command> parse_command(std::span<const std::string> arguments,
                              std::span<const std::string> environment, std::string_view version);

// The candidate that takes the fewest changes to become; "" when there are none.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace perdure::net
