// tests/engine/processor/names.h
//
// Short names for what tests talk about: invocations are capitals, A to Z, targets are
// written as "obj:Counter/k/add", times as seconds since the test began.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/tables/keys.h"

namespace tests {

using namespace perdure;

inline constexpr WallTime began_at{std::chrono::hours(1'000'000)};  // an hour begins

inline WallTime at_second(double seconds) {
  return began_at + std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}
inline std::string second_of(WallTime time) {
  const auto ms = (time - began_at).count();
  std::string text = (ms < 0 ? "" : "+") + std::to_string(ms / 1000);
  if (ms % 1000 != 0) text += "." + std::to_string(ms % 1000 + 1000).substr(1);
  return text;
}

// "svc:S/h"  "obj:O/k/h"  "shared:O/k/h"  "wf:W/k/run"  "wfshared:W/k/h"
inline wire::Target target_from(std::string_view text) {
  const auto colon = text.find(':');
  const std::string_view type = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  wire::Target target;
  target.service = std::string(text.substr(0, text.find('/')));
  text.remove_prefix(text.find('/') + 1);
  if (type != "svc") {
    target.key = std::string(text.substr(0, text.find('/')));
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
      text.remove_prefix(slash + 1);
    } else {
      text = "";
    }
  }
  target.handler = std::string(text);
  using enum wire::HandlerType;
  if (type == "obj" || type == "shared") target.service_type = wire::ServiceType::virtual_object;
  if (type == "wf" || type == "wfshared") target.service_type = wire::ServiceType::workflow;
  if (type == "obj") target.handler_type = exclusive;
  if (type == "shared" || type == "wfshared") target.handler_type = shared;
  if (type == "wf") target.handler_type = workflow;
  return target;
}

// Tests run on the one of two partitions that has the key "k".
inline PartitionId home() { return wire::partition_of(wire::keyed_partition_key("k"), 2); }

// A partition key that is, or is not, of the home partition.
inline std::uint64_t partition_key_at(bool at_home) {
  for (std::uint64_t bucket = 0;; ++bucket) {
    const std::uint64_t key = wire::unkeyed_partition_key("test", bucket);
    if ((wire::partition_of(key, 2) == home()) == at_home) return key;
  }
}

// What the letters stand for.  A keyed target fixes the partition key of its letter.
class Names {
 public:
  wire::InvocationId id(std::string_view name, const wire::Target* target = nullptr) {
    const auto known = ids_.find(name);
    if (known != ids_.end()) return known->second;
    wire::InvocationId id{.partition_key = partition_key_at(true),
                          .uuid = {.high = 1, .low = static_cast<unsigned char>(name[0])}};
    if (target && !target->key.empty()) id.partition_key = wire::keyed_partition_key(target->key);
    return put(name, id);
  }
  wire::InvocationId put(std::string_view name, wire::InvocationId id) {
    ids_.insert_or_assign(std::string(name), id);
    names_.insert_or_assign(id, std::string(name));
    return id;
  }
  std::string name(const wire::InvocationId& id) const {
    const auto known = names_.find(id);
    return known == names_.end() ? id.text() : known->second;
  }
  // Ids within a text that some struct printed.
  std::string shorten(std::string text) const {
    for (const auto& [id, name] : names_) {
      const std::string full = id.text();
      for (auto at = text.find(full); at != std::string::npos; at = text.find(full)) {
        text.replace(at, full.size(), name);
      }
    }
    return text;
  }

 private:
  std::map<std::string, wire::InvocationId, std::less<>> ids_;
  std::map<wire::InvocationId, std::string> names_;
};

}  // namespace tests
