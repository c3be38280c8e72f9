// What is asked for, and whether an answer is right.
//
//     Calls      one request like another: the answer is the body again
//     Adds       one to an object of many: what comes back for a key must be a permutation of
//                1..n, which a lost or doubled update is not, nor an acknowledged write that is
//                gone
//     Readback   reads keys, and compares
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "options.h"

namespace bench {

struct Request {
  std::uint64_t number = 0;
  std::size_t key = 0;
  std::string path = {}, body = {}, idempotency_key = {};
};

enum class Verdict { right, wrong, failed };

class Workload {
 public:
  virtual ~Workload() = default;
  // False: there is none any more.
  virtual bool next(Request& request) = 0;
  virtual Verdict judge(const Request& request, int status, const std::string& answer) = 0;
  virtual void given_up(const Request&) {}  // whether it has happened is not known
  virtual void stop() {}                    // nothing new is asked for
  virtual bool over() const = 0;            // nothing will be
  virtual bool is_measured() const { return true; }
};

// As many as are asked for, or until stop().
class Calls : public Workload {
 public:
  explicit Calls(const Options& options) : options_(options) {}
  bool next(Request& request) override;
  Verdict judge(const Request& request, int status, const std::string& answer) override;
  void stop() override { stopped_ = true; }
  bool over() const override;

 protected:
  const Options& options_;

 private:
  virtual void fill(Request& request);
  std::string_view path() const;

  std::uint64_t asked_ = 0;
  bool stopped_ = false, answered_ = false;
};

// What the keys must hold: a line "key value" each.
struct Expected {
  std::vector<std::string> keys;
  std::vector<long long> values;
  static Expected read(const std::string& path);
};

class Adds final : public Calls {
 public:
  explicit Adds(const Options& options);
  Verdict judge(const Request& request, int status, const std::string& answer) override;
  void given_up(const Request& request) override { keys_[request.key].in_doubt = true; }

  std::uint64_t acknowledged() const;
  std::uint64_t keys_that_are_no_permutation() const;
  Expected expected() const;  // of all that were asked for
  void dump(const std::string& path) const;

 private:
  struct Key {
    std::uint64_t asked = 0, acknowledged = 0, sum = 0, most = 0;
    bool in_doubt = false;
  };
  void fill(Request& request) override;
  std::string name(std::size_t key) const { return options_.run_id + "-" + std::to_string(key); }

  std::vector<Key> keys_;
  std::mt19937_64 random_;
};

class Readback final : public Workload {
 public:
  explicit Readback(Expected expected) : expected_(std::move(expected)) {}
  bool next(Request& request) override;
  Verdict judge(const Request& request, int status, const std::string& answer) override;
  bool over() const override { return next_ >= expected_.keys.size(); }
  bool is_measured() const override { return false; }

  struct Found {
    std::uint64_t read = 0, other = 0, lost = 0;
  };
  const Found& found() const { return found_; }

 private:
  const Expected expected_;
  std::size_t next_ = 0;
  Found found_;
};

std::unique_ptr<Workload> workload_of(const Options& options);

}  // namespace bench
