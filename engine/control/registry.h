// engine/control/registry.h
//
// The journeys that change the schema: look, discover, decide by schema_rules.h, write by
// compare-and-set, and look again when somebody was faster.  Lives on shard 0.
//
//     register ─► known and not forced? ─► discover ─► rules ─► compare_and_set("schema")
//                                                        └────── conflict: again ──┘
//
// The schema's own version is the version of its object in the metadata store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/control/discovery.h"
#include "engine/control/metadata.h"
#include "engine/control/schema_rules.h"
#include "engine/io/clock.h"
#include "engine/io/random.h"

namespace perdure::control {

inline constexpr std::string_view schema_key = "schema";

struct Registration {
  Address address;  // its uri as people write it
  std::vector<wire::KeyValue> metadata;
  RegisterOptions options;
  bool dry_run = false;
};

struct DeploymentUpdate {
  std::optional<std::string> uri;
  std::optional<std::vector<wire::KeyValue>> additional_headers;
  std::optional<bool> use_http_11;
  bool overwrite = false;  // discover, and let its services replace the old ones
  bool dry_run = false;
};

class Registry {
 public:
  struct Needs {
    Metadata& metadata;
    Discovery& discovery;
    io::Fibers& fibers;
    io::Clock& clock;
    io::Random& random;
  };
  explicit Registry(Needs needs) : needs_(needs) {}

  // All park; what they return is durable (or, for a dry run, what it would be).
  OrSchemaError<wire::Schema> current();
  OrSchemaError<Changed> add(Registration);
  OrSchemaError<wire::Schema> update(wire::DeploymentId, DeploymentUpdate);
  OrSchemaError<wire::Schema> remove(wire::DeploymentId);
  OrSchemaError<wire::Schema> modify(std::string_view service, const ServicePatch&);
  // Parks until there is a newer one than that version.
  Result<wire::Schema> wait_newer(std::uint64_t version, Instant deadline);

 private:
  enum class Written { done, somebody_was_faster };

  OrSchemaError<Written> write(const wire::Schema&);
  // Decides and writes until it is written or refused.
  template <class Decide>
  OrSchemaError<wire::Schema> change(Decide decide);

  Needs needs_;
};

}  // namespace perdure::control
