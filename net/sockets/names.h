// net/sockets/names.h
//
// io::Names by the system's resolver (/etc/hosts, DNS), which blocks: so on the pool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/io/names.h"
#include "net/loop/offload.h"

namespace perdure::net {

class SystemNames : public io::Names {
 public:
  explicit SystemNames(Offload& offload) : offload_(offload) {}
  Result<std::vector<std::string>> resolve(std::string_view host, Instant deadline) override;

 private:
  Offload& offload_;
};

}  // namespace perdure::net
