// engine/control/schema_error.h
//
// Why a deployment was not registered: for people, with the code that documentation
// lists (META0003, …) where there is one.  `status` is what an HTTP caller is told.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "engine/base/result.h"

namespace perdure::control {

struct SchemaError {
  int status = 500;
  std::string code;     // "META0006", or empty
  std::string message;  // without the code
};

template <class T>
using OrSchemaError = std::expected<T, SchemaError>;

inline std::unexpected<SchemaError> refuse(int status, std::string code, std::string message) {
  return std::unexpected(
      SchemaError{.status = status, .code = std::move(code), .message = std::move(message)});
}

}  // namespace perdure::control
