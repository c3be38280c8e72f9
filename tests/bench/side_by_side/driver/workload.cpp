#include "workload.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace bench {
namespace {

std::optional<long long> number_in(const std::string& text) {
  long long number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

}  // namespace

// --- calls ---

bool Calls::over() const {
  if (options_.scenario == Scenario::probe) return answered_;
  return stopped_ || (options_.requests != 0 && asked_ >= options_.requests);
}

bool Calls::next(Request& request) {
  if (over()) return false;
  request = {.number = ++asked_};
  if (options_.idempotency) {
    request.idempotency_key = options_.run_id + "-i" + std::to_string(request.number);
  }
  fill(request);
  return true;
}

std::string_view Calls::path() const {
  switch (options_.scenario) {
    case Scenario::steps: return "/BenchSteps/run";
    case Scenario::chain: return "/BenchCall/chain";
    case Scenario::sleep: return "/BenchSleep/sleep";
    case Scenario::send: return "/Bench/echo/send";
    case Scenario::raw: return "/raw/echo";
    default: return "/Bench/echo";
  }
}

void Calls::fill(Request& request) {
  request.path = path();
  if (options_.scenario == Scenario::steps) {
    request.body = std::to_string(options_.steps);
  } else if (options_.scenario == Scenario::sleep) {
    request.body = std::to_string(options_.sleep_ms);
  } else {
    std::string& body = request.body;
    body = "\"" + options_.run_id + "-" + std::to_string(request.number) + "-";
    while (static_cast<int>(body.size()) < options_.payload - 1) {
      body.push_back(static_cast<char>('a' + body.size() % 26));
    }
    body.push_back('"');
  }
}

Verdict Calls::judge(const Request& request, int status, const std::string& answer) {
  const bool sent = options_.scenario == Scenario::send;
  if (status != (sent ? 202 : 200)) return Verdict::failed;
  const bool right = sent ? answer.find("invocationId") != answer.npos : answer == request.body;
  answered_ |= right;
  return right ? Verdict::right : Verdict::wrong;
}

// --- adds ---

Adds::Adds(const Options& options)
    : Calls(options),
      keys_(static_cast<std::size_t>(options.keys)),
      random_(std::random_device()()) {}

void Adds::fill(Request& request) {
  request.key = random_() % keys_.size();
  request.path = "/BenchObject/" + name(request.key) + "/add";
  request.body = "1";
  ++keys_[request.key].asked;
}

Verdict Adds::judge(const Request& request, int status, const std::string& answer) {
  if (status != 200) return Verdict::failed;
  const std::optional<long long> value = number_in(answer);
  if (!value || *value < 1) return Verdict::wrong;
  Key& key = keys_[request.key];
  const auto now = static_cast<std::uint64_t>(*value);
  ++key.acknowledged;
  key.sum += now;
  key.most = std::max(key.most, now);
  return Verdict::right;
}

std::uint64_t Adds::acknowledged() const {
  std::uint64_t all = 0;
  for (const Key& key : keys_) all += key.acknowledged;
  return all;
}

std::uint64_t Adds::keys_that_are_no_permutation() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(keys_, [](const Key& key) {
    const std::uint64_t n = key.acknowledged;
    return !key.in_doubt && n == key.asked && (key.most != n || key.sum != n * (n + 1) / 2);
  }));
}

Expected Adds::expected() const {
  Expected all;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i].asked == 0) continue;
    all.keys.push_back(name(i));
    all.values.push_back(static_cast<long long>(keys_[i].acknowledged));
  }
  return all;
}

void Adds::dump(const std::string& path) const {
  std::ofstream file(path);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i].acknowledged != 0) file << name(i) << " " << keys_[i].acknowledged << "\n";
  }
}

// --- readback ---

Expected Expected::read(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    std::perror(path.c_str());
    std::exit(2);
  }
  Expected all;
  std::string key;
  long long value = 0;
  while (file >> key >> value) {
    all.keys.push_back(key);
    all.values.push_back(value);
  }
  return all;
}

bool Readback::next(Request& request) {
  if (over()) return false;
  const std::size_t key = next_++;
  request = {.number = next_, .key = key, .path = "/BenchObject/" + expected_.keys[key] + "/get"};
  return true;
}

Verdict Readback::judge(const Request& request, int status, const std::string& answer) {
  if (status != 200) return Verdict::failed;
  const long long value = number_in(answer).value_or(0);  // null: there is none
  const long long wanted = expected_.values[request.key];
  ++found_.read;
  if (value != wanted) ++found_.other;
  if (value < wanted) found_.lost += static_cast<std::uint64_t>(wanted - value);
  return Verdict::right;
}

std::unique_ptr<Workload> workload_of(const Options& options) {
  switch (options.scenario) {
    case Scenario::add: return std::make_unique<Adds>(options);
    case Scenario::readback: return std::make_unique<Readback>(Expected::read(options.expected));
    default: return std::make_unique<Calls>(options);
  }
}

}  // namespace bench
