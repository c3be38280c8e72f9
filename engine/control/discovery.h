// engine/control/discovery.h
//
// Asks a deployment what it serves: GET {uri}discover.  Tries again while that may help
// (no connection; 408, 429, 500, 502, 503, 504), up to `tries`.
//
// In    uri as normalised_uri() makes it, and how to speak to it
// Out   control::Declared, or why not (META0003 no answer, META0012, META0013)
#pragma once

#include <string>
#include <vector>

#include "engine/control/schema_error.h"
#include "engine/control/schema_rules.h"
#include "engine/io/http.h"

namespace perdure::control {

struct DiscoveryOptions {
  std::string cluster_name = "localcluster";  // told to the deployment
  int tries = 4;
  Duration pause = std::chrono::milliseconds(100);  // doubles
  Duration answer_within = std::chrono::seconds(10);
  std::size_t manifest_bytes_max = 8 << 20;
};

struct Address {
  std::string uri;
  wire::UsedHttp http = wire::UsedHttp::http2;
  std::vector<wire::KeyValue> additional_headers;
};

class Discovery {
 public:
  Discovery(io::Http& http, io::Fibers& fibers, DiscoveryOptions options)
      : http_(http), fibers_(fibers), options_(std::move(options)) {}

  // Parks.
  OrSchemaError<Declared> discover(const Address&);

 private:
  struct Answer {
    io::Response head;
    std::string body;
  };
  Result<Answer> ask(const Address&);
  OrSchemaError<Declared> understand(const Address&, const Answer&) const;

  io::Http& http_;
  io::Fibers& fibers_;
  const DiscoveryOptions options_;
};

}  // namespace perdure::control
