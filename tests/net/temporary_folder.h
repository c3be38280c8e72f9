// tests/net/temporary_folder.h
//
// A folder of a test's own, gone with it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "engine/base/check.h"

namespace perdure::net {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::temp_directory_path() / "perdure-test-XXXXXX") {
    const bool made = ::mkdtemp(path_.data()) != nullptr;
    CHECK(made);
  }
  ~TemporaryFolder() {
    std::error_code ignored;  // what is left is in the system's temporary folder
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace perdure::net
