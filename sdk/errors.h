// sdk/errors.h
//
// How a handler fails.
//
//     throw TerminalError("no such account", 404);   the invocation failed, for good: this is
//                                                    what its caller is told
//     throw std::runtime_error("database is away");  the attempt failed: the server tries again
//     throw RetryLater("rate limited", 30s);         the same, not before
//
// A call, a promise or an awakeable that failed throws its TerminalError where it is waited
// for.  So does a cancel, as Cancelled, at the wait that it found.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace perdure::sdk {

class TerminalError : public std::runtime_error {
 public:
  // `code` is an HTTP status; who called by HTTP gets it.
  explicit TerminalError(const std::string& message, std::uint32_t code = 500,
                         std::vector<std::pair<std::string, std::string>> metadata = {})
      : std::runtime_error(message), code_(code), metadata_(std::move(metadata)) {}
  std::uint32_t code() const { return code_; }
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }

 private:
  std::uint32_t code_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

class Cancelled : public TerminalError {
 public:
  Cancelled() : TerminalError("cancelled", 409) {}
};

class RetryLater : public std::runtime_error {
 public:
  RetryLater(const std::string& message, std::chrono::milliseconds after)
      : std::runtime_error(message), after_(after) {}
  std::chrono::milliseconds after() const { return after_; }

 private:
  std::chrono::milliseconds after_;
};

}  // namespace perdure::sdk
