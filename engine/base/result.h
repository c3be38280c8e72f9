// engine/base/result.h
//
// Errors are sorted by what the caller can do about them, not by who noticed.
// There are few codes because there are few reactions; the detail is for people.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace perdure {

enum class Code {
  retry_later,      // busy, or no leader yet: same request, same place, after a pause
  retry_elsewhere,  // wrong node: the detail names a better one if we know it
  fenced,           // a newer epoch exists: stop acting as leader, now
  not_found,        // asked for by name, and there is no such thing
  conflict,         // the state moved on: read again and decide again
  invalid,          // the request itself is wrong: no retry will help
  corrupt,          // bytes do not match their checksum: repair from a peer
  full,             // no space left: free some, then the same request may pass
  timed_out,        // the deadline passed first: what was asked may still happen
  cancelled,        // our own caller no longer wants it: unwind, touch nothing
  failed,           // a disk or a peer broke: what was asked may or may not have happened
};

std::string_view name_of(Code);

struct Error {
  Code code;
  std::string detail;  // one lower-case phrase, no full stop: "loglet 7 is sealed"
};

// std::expected that may not be dropped on the floor.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

inline std::unexpected<Error> fail(Code code, std::string detail) {
  return std::unexpected(Error{code, std::move(detail)});
}

inline std::string_view name_of(Code code) {
  switch (code) {
    case Code::retry_later: return "retry_later";
    case Code::retry_elsewhere: return "retry_elsewhere";
    case Code::fenced: return "fenced";
    case Code::not_found: return "not_found";
    case Code::conflict: return "conflict";
    case Code::invalid: return "invalid";
    case Code::corrupt: return "corrupt";
    case Code::full: return "full";
    case Code::timed_out: return "timed_out";
    case Code::cancelled: return "cancelled";
    case Code::failed: return "failed";
  }
  return "?";
}

}  // namespace perdure

// Unwraps into `name`, or returns the error.  GCC 12's std::expected has no
// and_then, and a straight line reads better than a chain of lambdas anyway.
#define TRY(name, expr)                                                             \
  auto name##_or_error = (expr);                                                    \
  if (!name##_or_error) return std::unexpected(std::move(name##_or_error.error())); \
  auto& name = *name##_or_error

// The same for Result<void>: goes on, or returns the error.
#define TRY_VOID(expr) \
  if (auto or_error = (expr); !or_error) return std::unexpected(std::move(or_error.error()))
