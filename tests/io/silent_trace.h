// tests/io/silent_trace.h
//
// A trace that nobody reads.
#pragma once

#include "engine/io/trace.h"

namespace perdure::io {

class SilentTrace final : public Trace {
 public:
  bool wants(Level) const override { return false; }
  void event(Level, std::string_view, std::initializer_list<Field>) override {}
  void count(std::string_view, std::uint64_t) override {}
};

}  // namespace perdure::io
