// The store against a std::map: any order of writes, reads, pins, scans, checkpoints,
// failed checkpoints and crashes, with a family that parks wherever it may.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <memory>

#include "engine/base/match.h"
#include "engine/tables/scan.h"
#include "engine/tables/store.h"
#include "host/manual_loop.h"
#include "tests/engine/tables/test_family.h"

namespace perdure::tables {
namespace {

using tests::Rows;
using tests::TestFamily;

struct Step {
  enum Kind {
    put,
    edit,
    erase,
    erase_range,
    get,
    visit,
    pin,
    pin_range,
    unpin,
    checkpoint,
    failing_checkpoint,
    crash,
    scan,
    scan_on,
    read,
    wait,
    kinds
  };
  Kind kind;
  std::string key, other;
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  static constexpr const char* names[] = {
      "put",       "edit",  "erase",      "erase_range",        "get",   "visit", "pin",
      "pin_range", "unpin", "checkpoint", "failing_checkpoint", "crash", "scan",  "scan_on",
      "read",      "wait"};
  return out << names[step.kind] << " " << step.key << " " << step.other;
}

std::string key_of(int number) {
  return std::string(1, static_cast<char>('a' + number % 6)) + std::to_string(number / 6);
}

rc::Gen<Step> steps() {
  return rc::gen::apply(
      [](int kind, int a, int b) {
        return Step{static_cast<Step::Kind>(kind), key_of(a), key_of(b)};
      },
      rc::gen::inRange(0, static_cast<int>(Step::kinds)), rc::gen::inRange(0, 40),
      rc::gen::inRange(0, 40));
}

class Trial {
 public:
  Trial(io::Fibers& fibers, TestFamily& family)
      : fibers_(fibers), family_(family), writers_(fibers) {
    start();
  }

  void step(const Step& step);
  void finish();
  void close() {
    writers_.join();
    forget();
  }

 private:
  struct OpenScan {
    std::unique_ptr<Scan> scan;
    Rows::const_iterator next;
    std::string from, to;
    Rows expected;
  };

  void start() {
    store_ = std::make_unique<Store>(fibers_, family_);
    pins_ = std::make_unique<Pins>(*store_);
    model_ = family_.rows;
    durable_ = model_;
    next_durable_.reset();
    family_.next_ingest = TestFamily::Fate::ok;
  }
  void forget() {
    scan_.reset();
    pins_.reset();
    store_.reset();
    pinned_keys_.clear();
    pinned_ranges_.clear();
  }
  void must(const Result<void>& result) {
    if (!result) RC_FAIL(result.error().detail);
  }
  void announce(const Reads& reads, Pins& pins) {
    if (store_->ready(reads)) return;
    must(store_->prepare(reads, pins));
    RC_ASSERT(store_->ready(reads));
  }
  void check_get(const std::string& key) {
    const std::string* value = store_->get(key);
    const auto expected = model_.find(key);
    RC_ASSERT((value != nullptr) == (expected != model_.end()));
    if (value) RC_ASSERT(*value == expected->second);
  }
  void check_visit(const std::string& from, const std::string& to) {
    auto expected = model_.lower_bound(from);
    store_->visit(from, to, [&](std::string_view key, const std::string& value) {
      RC_ASSERT(expected != model_.end());
      RC_ASSERT(expected->first == key);
      RC_ASSERT(expected->second == value);
      ++expected;
      return true;
    });
    RC_ASSERT(expected == model_.lower_bound(to));
  }
  void checkpoint(TestFamily::Fate fate) {
    if (store_->frozen()) return;
    store_->freeze();
    next_durable_ = model_;
    family_.next_ingest = fate;
    writers_.start("checkpoint", [this] {
      while (!store_->write_frozen() && !crashing_) {
      }
      if (store_->frozen()) return;
      durable_ = *std::exchange(next_durable_, std::nullopt);
      checkpoints_are_exact_ &= family_.rows == durable_;
    });
  }
  // What is in memory goes; the run on its way took effect or did not.
  void crash() {
    crashing_ = true;
    family_.next_ingest = static_cast<TestFamily::Fate>(writes_ % 3);
    writers_.join();
    RC_ASSERT(checkpoints_are_exact_);
    crashing_ = false;
    const bool old = family_.rows == durable_;
    const bool whole = next_durable_ && family_.rows == *next_durable_;
    RC_ASSERT(old || whole);
    forget();
    start();
  }
  void check_scan(std::size_t bytes_max) {
    auto rows = scan_->scan->next(bytes_max);
    if (!rows) RC_FAIL(rows.error().detail);
    for (const auto& [key, value] : *rows) {
      RC_ASSERT(scan_->next != scan_->expected.end());
      RC_ASSERT(scan_->next->first == key);
      RC_ASSERT(scan_->next->second == value);
      ++scan_->next;
    }
    if (!rows->empty()) return;
    RC_ASSERT(scan_->next == scan_->expected.end());
    scan_.reset();
  }
  void open_scan(std::string from, std::string to) {
    auto opened = std::make_unique<OpenScan>();
    opened->expected = Rows(model_.lower_bound(from), model_.lower_bound(to));
    auto scan = store_->scan(from, to);
    if (!scan) RC_FAIL(scan.error().detail);
    opened->scan = std::move(*scan);
    opened->next = opened->expected.begin();
    scan_ = std::move(opened);
  }

  io::Fibers& fibers_;
  TestFamily& family_;
  io::Group writers_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Pins> pins_;
  std::vector<std::string> pinned_keys_;
  std::vector<KeyRange> pinned_ranges_;
  std::unique_ptr<OpenScan> scan_;
  Rows model_, durable_;
  std::optional<Rows> next_durable_;
  bool crashing_ = false;
  bool checkpoints_are_exact_ = true;
  int writes_ = 0;
};

void Trial::step(const Step& step) {
  const std::string& low = std::min(step.key, step.other);
  const std::string& high = std::max(step.key, step.other);
  const std::string text = "v" + std::to_string(++writes_);
  if (step.kind == Step::crash) return crash();
  Pins window(*store_);
  switch (step.kind) {
    case Step::put:
      store_->put(step.key, text);
      model_[step.key] = text;
      break;
    case Step::edit:
      announce({.keys = {step.key}, .ranges = {}}, window);
      store_->edit(step.key) += text;
      model_[step.key] += text;
      break;
    case Step::erase:
      store_->erase(step.key);
      model_.erase(step.key);
      break;
    case Step::erase_range:
      store_->erase_range(low, high);
      model_.erase(model_.lower_bound(low), model_.lower_bound(high));
      break;
    case Step::get:
      announce({.keys = {step.key, step.other}, .ranges = {}}, window);
      check_get(step.key);
      check_get(step.other);
      break;
    case Step::visit:
      announce({.keys = {}, .ranges = {{low, high}}}, window);
      check_visit(low, high);
      break;
    case Step::pin:
      must(store_->prepare({.keys = {step.key, step.other}, .ranges = {}}, *pins_));
      pinned_keys_.insert(pinned_keys_.end(), {step.key, step.other});
      break;
    case Step::pin_range:
      must(store_->prepare({.keys = {}, .ranges = {{low, high}}}, *pins_));
      pinned_ranges_.push_back({low, high});
      break;
    case Step::unpin:
      pins_->release();
      pinned_keys_.clear();
      pinned_ranges_.clear();
      break;
    case Step::checkpoint: checkpoint(TestFamily::Fate::ok); break;
    case Step::failing_checkpoint:
      checkpoint(writes_ % 2 == 0 ? TestFamily::Fate::fails_before : TestFamily::Fate::fails_after);
      break;
    case Step::crash: break;
    case Step::scan: open_scan(low, high); break;
    case Step::scan_on:
      if (scan_) check_scan(12);
      break;
    case Step::read: {
      const auto row = model_.find(step.key);
      const auto expected = row == model_.end() ? std::nullopt : std::optional(row->second);
      auto value = store_->read(step.key);
      if (!value) RC_FAIL(value.error().detail);
      RC_ASSERT(*value == expected);
      break;
    }
    case Step::wait: fibers_.yield(); break;
    case Step::kinds: break;
  }
  store_->check_invariants();
  // Pinned rows are at hand without being announced again, whatever went down since.
  for (const std::string& key : pinned_keys_) check_get(key);
  for (const auto& [from, to] : pinned_ranges_) check_visit(from, to);
}

void Trial::finish() {
  while (scan_) check_scan(20);
  RC_ASSERT(checkpoints_are_exact_);
  auto all = store_->scan("", key_end);
  if (!all) RC_FAIL(all.error().detail);
  Rows rows;
  while (true) {
    auto piece = (*all)->next(50);
    if (!piece) RC_FAIL(piece.error().detail);
    if (piece->empty()) break;
    rows.insert(piece->begin(), piece->end());
  }
  RC_ASSERT(rows == model_);
}

void run_trial(const std::vector<Step>& steps, bool caches_know) {
  host::ManualLoop loop;
  TestFamily family(loop.fibers);
  family.caches_know = caches_know;
  for (int i = 0; i < 40; i += 3) family.rows[key_of(i)] = "base" + std::to_string(i);
  std::exception_ptr failure;
  const bool ended = loop.run([&] {
    Trial trial(loop.fibers, family);
    try {
      for (const Step& step : steps) {
        trial.step(step);
      }
      trial.finish();
    } catch (const rc::detail::CaseResult&) {
      failure = std::current_exception();
    }
    trial.close();
  });
  if (failure) std::rethrow_exception(failure);
  RC_ASSERT(ended);
}

TEST(StoreModel, IsAMapWhateverHappensBelow) {
  EXPECT_TRUE(rc::check("with caches that know nothing", [] {
    run_trial(*rc::gen::resize(400, rc::gen::container<std::vector<Step>>(steps())), false);
  }));
  EXPECT_TRUE(rc::check("with caches that come and go", [] {
    run_trial(*rc::gen::resize(400, rc::gen::container<std::vector<Step>>(steps())), true);
  }));
}

}  // namespace
}  // namespace perdure::tables
