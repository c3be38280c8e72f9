#include "engine/io/tables.h"

namespace perdure::io {

Result<std::vector<std::optional<std::string>>> Family::get_all(
    const std::vector<std::string>& keys) {
  std::vector<std::optional<std::string>> values;
  values.reserve(keys.size());
  for (const std::string& key : keys) {
    TRY(value, get(key));
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace perdure::io
