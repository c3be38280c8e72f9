// engine/wire/codec.h
//
// Structs to bytes and back, in protobuf's wire format, from one list of fields:
//
//     struct Nap {
//       InvocationId who;
//       WallTime until;
//       std::optional<std::string> why;
//       static constexpr auto fields = std::tuple(
//           field(1, "who", &Nap::who), field(2, "until", &Nap::until), field(3, "why",
//           &Nap::why));
//     };
//
//     std::string bytes = encode(nap);
//     Result<Nap> nap = decode<Nap>(bytes);        corrupt: "Nap.until: varint is cut off"
//     std::string text = show(nap);                "{who: inv_1..., until: 1700000000000}"
//
// The list is also what text tests print and what property tests generate from.
//
//     in C++                                        on the wire
//     bool, unsigned, enum, Number, WallTime, Duration (ms)   varint, left out when 0
//     std::string                                   bytes, left out when empty
//     struct with fields                            message, left out when all is zero
//     std::optional<T>                              the same, but written whenever it is set
//     std::vector<T>                                repeated; numbers packed
//     std::variant<std::monostate, A, B>            oneof: one_of(name, member, 14, 15)
//
// What is left out is read as zero, also where the member's default is another: a default
// is for who builds the struct.
//
// A number once used keeps its meaning for ever; unknown numbers are skipped.  What
// must not be misread by an older release is guarded by a version barrier in the log,
// not here.  Reference: protobuf's "Encoding" page.
//
// Bytes may be a stranger's: decode() never reads past them, never recurses deeper
// than depth_max, never allocates more than they are long (times a small factor).
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/interval_set.h"
#include "engine/base/result.h"
#include "engine/base/time.h"

namespace perdure::wire {

inline constexpr int depth_max = 24;

template <class Owner, class Member>
struct Field {
  std::uint32_t number;
  std::string_view name;
  Member Owner::* member;
};
template <class Owner, class Member>
constexpr Field<Owner, Member> field(std::uint32_t number, std::string_view name,
                                     Member Owner::* member) {
  return {number, name, member};
}

// For a variant whose first alternative is std::monostate; one number for each other.
template <class Owner, class Member, std::size_t n>
struct OneOf {
  std::string_view name;
  Member Owner::* member;
  std::uint32_t numbers[n];
};
template <class Owner, class Member, class... Numbers>
constexpr OneOf<Owner, Member, sizeof...(Numbers)> one_of(std::string_view name,
                                                          Member Owner::* member,
                                                          Numbers... numbers) {
  static_assert(std::variant_size_v<Member> == sizeof...(Numbers) + 1);
  return {name, member, {static_cast<std::uint32_t>(numbers)...}};
}

template <class T>
concept Message = requires { T::fields; };

// A type that travels as raw bytes: bytes() and static from_bytes().
template <class T>
concept RawBytes = requires(const T& value, std::string_view bytes) {
  { value.bytes() } -> std::convertible_to<std::string>;
  { T::from_bytes(bytes) } -> std::same_as<Result<T>>;
};

template <Message T>
void encode_to(std::string& out, const T& message);
template <Message T>
std::string encode(const T& message);
template <Message T>
Result<T> decode(std::string_view bytes);
template <Message T>
std::string show(const T& message);

}  // namespace perdure::wire

#include "engine/wire/codec_detail.h"

// A large message is compiled once: its header says WIRE_CODEC_ELSEWHERE(T) behind the
// namespace, one .cpp says WIRE_CODEC_HERE(T).  Without it every file that encodes or
// decodes one compiles all that is nested in it, which was most of the build's time.
#define WIRE_CODEC(LINKAGE, T)                                                                \
  LINKAGE template std::size_t perdure::wire::detail::size_of(const T&);                      \
  LINKAGE template void perdure::wire::detail::write(std::string&, const T&);                 \
  LINKAGE template void perdure::wire::detail::read(perdure::wire::detail::Reader&, T&, int); \
  LINKAGE template void perdure::wire::detail::show_value(std::string&, const T&)
#define WIRE_CODEC_ELSEWHERE(T) WIRE_CODEC(extern, T)
#define WIRE_CODEC_HERE(T) WIRE_CODEC(, T)
