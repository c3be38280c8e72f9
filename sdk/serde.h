// sdk/serde.h
//
// Values to bytes and back.  JSON is the default, by nlohmann-json: numbers, strings,
// vectors, maps, and every struct that names its members once,
//
//     struct Order { std::string item; int count; };
//     NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, item, count)
//
// Bytes travel as they are; Nothing is an empty body; std::optional may be empty.  For
// another format specialise Serde<T>: two functions and two content types.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/wire/json.h"

namespace perdure::sdk {

struct Bytes {
  std::string content;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};
struct Nothing {};

// from_bytes throws std::invalid_argument, with a sentence for whoever sent it.
template <class T>
struct Serde {
  static constexpr std::string_view accepts = "application/json";  // "": no body at all
  static constexpr std::string_view gives = "application/json";
  static constexpr bool required = true;  // an empty body is no value

  static std::string to_bytes(const T& value) {
    return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  static T from_bytes(std::string_view bytes) {
    const Result<nlohmann::json> parsed = wire::json_from_text<nlohmann::json>(bytes);
    if (!parsed)
      throw std::invalid_argument("not the JSON that was expected: " + parsed.error().detail);
    try {
      return parsed->get<T>();
    } catch (const nlohmann::json::exception& wrong) {
      throw std::invalid_argument(std::string("not the JSON that was expected: ") + wrong.what());
    }
  }
};

template <>
struct Serde<Bytes> {
  static constexpr std::string_view accepts = "*/*";
  static constexpr std::string_view gives = "application/octet-stream";
  static constexpr bool required = false;
  static std::string to_bytes(const Bytes& value) { return value.content; }
  static Bytes from_bytes(std::string_view bytes) { return {std::string(bytes)}; }
};

template <>
struct Serde<Nothing> {
  static constexpr std::string_view accepts = "";
  static constexpr std::string_view gives = "";
  static constexpr bool required = false;
  static std::string to_bytes(const Nothing&) { return ""; }
  static Nothing from_bytes(std::string_view) { return {}; }
};

template <class T>
struct Serde<std::optional<T>> {
  static constexpr std::string_view accepts = Serde<T>::accepts;
  static constexpr std::string_view gives = Serde<T>::gives;
  static constexpr bool required = false;
  static std::string to_bytes(const std::optional<T>& value) {
    return value ? Serde<T>::to_bytes(*value) : std::string();
  }
  static std::optional<T> from_bytes(std::string_view bytes) {
    if (bytes.empty() || bytes == "null") return std::nullopt;
    return Serde<T>::from_bytes(bytes);
  }
};

// `void` stands for Nothing wherever a type is asked for.
template <class T>
using OrNothing = std::conditional_t<std::is_void_v<T>, Nothing, T>;

// String literals are strings.
template <class T>
using ValueOf = std::conditional_t<std::is_convertible_v<T, std::string_view> &&
                                       !std::is_same_v<std::decay_t<T>, std::string>,
                                   std::string, std::decay_t<T>>;
template <class T>
std::string to_bytes(const T& value) {
  return Serde<ValueOf<T>>::to_bytes(ValueOf<T>(value));
}

}  // namespace perdure::sdk
