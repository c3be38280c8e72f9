// tests/engine/rocks/rocks_host.h
//
// RocksDB in a folder of the machine, with jobs run at once on the calling fiber.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "engine/base/check.h"
#include "engine/rocks/database.h"
#include "host/manual_loop.h"
#include "tests/io/tables_host.h"

namespace tests {

class AtOnce : public rocks::Offload {
 public:
  void run(std::move_only_function<void()> job) override { job(); }
};

class RocksHost : public TablesHost {
 public:
  RocksHost() {
    std::string pattern = testing::TempDir() + "perdure_rocks_XXXXXX";
    CHECK(mkdtemp(pattern.data()));
    folder_ = pattern;
    open();
  }
  ~RocksHost() override {
    front_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  void run(std::move_only_function<void()> body) override { loop_.run(std::move(body)); }
  io::Tables& tables() override { return *front_; }
  rocks::Database& database() { return *database_; }
  const std::string& folder() const { return folder_; }
  void restart() override {
    front_.reset();
    database_.reset();
    open();
  }

 private:
  void open() {
    auto database = rocks::Database::open({.data_folder = folder_, .file_bytes = 64 << 10});
    ASSERT_TRUE(database) << database.error().detail;
    database_ = std::move(*database);
    front_ = database_->front(offload_);
  }

  host::ManualLoop loop_;
  AtOnce offload_;
  std::string folder_;
  std::unique_ptr<rocks::Database> database_;
  std::unique_ptr<io::Tables> front_;
};

}  // namespace tests
