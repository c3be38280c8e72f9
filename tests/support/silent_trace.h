// tests/support/silent_trace.h
//
// A Trace that keeps counts and names of events and prints nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "engine/io/trace.h"

namespace tests {

class SilentTrace final : public perdure::io::Trace {
 public:
  bool wants(perdure::io::Level) const override { return true; }
  void event(perdure::io::Level, std::string_view name,
             std::initializer_list<perdure::io::Field>) override {
    ++events[std::string(name)];
  }
  void count(std::string_view name, std::uint64_t by) override { counts[std::string(name)] += by; }

  std::map<std::string, std::uint64_t> events, counts;
};

}  // namespace tests
