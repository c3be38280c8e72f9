// engine/io/objects.h
//
// A bucket: S3, or a folder that plays one.
//
// Promised   After put() returned ok every later get() sees it.  A conditional put
//            happens entirely or not at all, whoever else is putting.
// Allowed    Any call may fail *after* its effect: `failed` and `timed_out` mean that
//            nobody knows.  list() may lag by seconds.
// Not here   renames, appends, folders: a key is one flat string with '/' in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/fibers.h"

namespace perdure::io {

struct Object {
  std::string bytes;
  std::string etag;  // names this version of the object
};

struct PutIf {
  enum class Kind { always, absent, etag } kind = Kind::always;
  std::string etag;  // for Kind::etag
};

class Objects {
 public:
  virtual ~Objects() = default;
  // The new etag.  Error: conflict when the condition does not hold.
  virtual Result<std::string> put(std::string_view key, std::string_view bytes, PutIf,
                                  Instant deadline) = 0;
  virtual Result<Object> get(std::string_view key, Instant deadline) = 0;  // not_found
  virtual Result<std::vector<std::string>> list(std::string_view prefix,
                                                Instant deadline) = 0;      // sorted
  virtual Result<void> remove(std::string_view key, Instant deadline) = 0;  // fine when absent
};

}  // namespace perdure::io
