// engine/wire/codec_detail.h: how codec.h does it.  Include codec.h instead.
#pragma once

namespace perdure::wire::detail {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

inline std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  while (value >= 0x80) value >>= 7, ++size;
  return size;
}

inline void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline void put_tag(std::string& out, std::uint32_t number, WireType type) {
  put_varint(out, (std::uint64_t{number} << 3) | static_cast<std::uint8_t>(type));
}

// Walks the bytes of one message.  `wrong` stays empty while they make sense.
struct Reader {
  std::string_view rest;
  const char* wrong = nullptr;

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest.empty()) return broken("varint is cut off");
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    return broken("varint is longer than 10 bytes");
  }

  std::string_view bytes() {
    const std::uint64_t size = varint();
    if (size > rest.size()) return broken("length is beyond the end"), std::string_view();
    const std::string_view found = rest.substr(0, size);
    rest.remove_prefix(size);
    return found;
  }

  void skip(WireType type) {
    switch (type) {
      case WireType::varint: varint(); return;
      case WireType::bytes: bytes(); return;
      case WireType::fixed64: drop(8); return;
      case WireType::fixed32: drop(4); return;
    }
    broken("unknown wire type");
  }

 private:
  void drop(std::size_t size) {
    if (size > rest.size()) {
      broken("fixed field is cut off");
    } else {
      rest.remove_prefix(size);
    }
  }
  std::uint64_t broken(const char* why) {
    if (!wrong) wrong = why;
    rest = {};
    return 0;
  }
};

template <class T>
struct is_number : std::false_type {};
template <class Tag, Shape shape>
struct is_number<Number<Tag, shape>> : std::true_type {};
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};

template <class T>
concept Scalar = std::is_same_v<T, bool> || std::unsigned_integral<T> || std::is_enum_v<T> ||
                 is_number<T>::value || std::is_same_v<T, WallTime> ||
                 std::is_same_v<T, std::chrono::milliseconds>;

template <class T>
concept ScalarVector = is_vector<T>::value && Scalar<typename T::value_type>;

template <Scalar T>
constexpr std::uint64_t to_varint(const T& value) {
  if constexpr (is_number<T>::value) {
    return value.raw();
  } else if constexpr (std::is_same_v<T, WallTime>) {
    return static_cast<std::uint64_t>(value.time_since_epoch().count());
  } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    return static_cast<std::uint64_t>(value.count());
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

template <Scalar T>
T from_varint(std::uint64_t raw) {
  if constexpr (std::is_same_v<T, WallTime>) {
    return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(raw)));
  } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(raw));
  } else {
    return static_cast<T>(raw);
  }
}

template <Message T>
std::size_t size_of(const T& message);
template <Message T>
void write(std::string& out, const T& message);
template <Message T>
void read(Reader& in, T& message, int depth);

// write() leaves zeros out, so what is read begins as all zeros, whatever T{} has.
template <class T>
constexpr bool is_zero(const T& value) {
  if constexpr (Scalar<T>) {
    return to_varint(value) == 0;
  } else if constexpr (is_optional<T>::value) {
    return !value.has_value();
  } else if constexpr (is_vector<T>::value || std::is_same_v<T, std::string>) {
    return value.empty();
  } else if constexpr (std::is_same_v<T, IntervalSet> || RawBytes<T>) {
    return true;  // the one begins empty, the other is never left out
  } else if constexpr (Message<T>) {
    return std::apply([&](const auto&... f) { return (is_zero(value.*f.member) && ...); },
                      T::fields);
  } else {
    return value.index() == 0;
  }
}
template <class T>
void make_zero(T& value) {
  if constexpr (Message<T>) {
    constexpr bool is_so_already = is_zero(T{});
    if constexpr (!is_so_already) {
      std::apply([&](const auto&... f) { (make_zero(value.*f.member), ...); }, T::fields);
    }
  } else if constexpr (!std::is_same_v<T, IntervalSet> && !RawBytes<T>) {
    value = T();
  }
}

// One value under one number; `always` writes defaults too (inside optionals, vectors).
template <class T>
std::size_t size_of_value(std::uint32_t number, const T& value, bool always) {
  const std::size_t tag = varint_size(std::uint64_t{number} << 3);
  if constexpr (Scalar<T>) {
    const std::uint64_t raw = to_varint(value);
    return raw == 0 && !always ? 0 : tag + varint_size(raw);
  } else if constexpr (is_optional<T>::value) {
    return value ? size_of_value(number, *value, true) : 0;
  } else if constexpr (is_vector<T>::value) {
    if constexpr (ScalarVector<T>) {
      if (value.empty()) return 0;
      std::size_t size = 0;
      for (const auto& item : value) size += varint_size(to_varint(item));
      return tag + varint_size(size) + size;
    } else {
      std::size_t size = 0;
      for (const auto& item : value) size += size_of_value(number, item, true);
      return size;
    }
  } else if constexpr (std::is_same_v<T, IntervalSet>) {
    if (value.empty()) return 0;
    std::size_t size = 0;
    for (const auto& i : value.intervals()) size += varint_size(i.first) + varint_size(i.last);
    return tag + varint_size(size) + size;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.empty() && !always ? 0 : tag + varint_size(value.size()) + value.size();
  } else if constexpr (RawBytes<T>) {
    const std::size_t size = value.bytes().size();
    return tag + varint_size(size) + size;
  } else {
    const std::size_t size = size_of(value);
    return size == 0 && !always ? 0 : tag + varint_size(size) + size;
  }
}

template <class T>
void write_value(std::string& out, std::uint32_t number, const T& value, bool always) {
  if constexpr (Scalar<T>) {
    const std::uint64_t raw = to_varint(value);
    if (raw == 0 && !always) return;
    put_tag(out, number, WireType::varint);
    put_varint(out, raw);
  } else if constexpr (is_optional<T>::value) {
    if (value) write_value(out, number, *value, true);
  } else if constexpr (is_vector<T>::value) {
    if constexpr (ScalarVector<T>) {
      if (value.empty()) return;
      std::size_t size = 0;
      for (const auto& item : value) size += varint_size(to_varint(item));
      put_tag(out, number, WireType::bytes);
      put_varint(out, size);
      for (const auto& item : value) put_varint(out, to_varint(item));
    } else {
      for (const auto& item : value) write_value(out, number, item, true);
    }
  } else if constexpr (std::is_same_v<T, IntervalSet>) {
    if (value.empty()) return;
    std::size_t size = 0;
    for (const auto& i : value.intervals()) size += varint_size(i.first) + varint_size(i.last);
    put_tag(out, number, WireType::bytes);
    put_varint(out, size);
    for (const auto& i : value.intervals()) put_varint(out, i.first), put_varint(out, i.last);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (value.empty() && !always) return;
    put_tag(out, number, WireType::bytes);
    put_varint(out, value.size());
    out.append(value);
  } else if constexpr (RawBytes<T>) {
    const std::string bytes = value.bytes();
    put_tag(out, number, WireType::bytes);
    put_varint(out, bytes.size());
    out.append(bytes);
  } else {
    const std::size_t size = size_of(value);
    if (size == 0 && !always) return;
    put_tag(out, number, WireType::bytes);
    put_varint(out, size);
    write(out, value);
  }
}

template <class T>
void read_value(Reader& in, WireType type, T& value, int depth) {
  if constexpr (is_optional<T>::value) {
    if (!value) make_zero(value.emplace());
    read_value(in, type, *value, depth);
  } else if constexpr (Scalar<T>) {
    if (type != WireType::varint) return void(in.wrong = "expected a varint");
    value = from_varint<T>(in.varint());
  } else if constexpr (ScalarVector<T>) {
    if (type == WireType::varint)
      return void(value.push_back(from_varint<typename T::value_type>(in.varint())));
    if (type != WireType::bytes) return void(in.wrong = "expected packed numbers");
    Reader packed{in.bytes()};
    while (!packed.rest.empty())
      value.push_back(from_varint<typename T::value_type>(packed.varint()));
    if (packed.wrong) in.wrong = packed.wrong;
  } else if constexpr (is_vector<T>::value) {
    make_zero(value.emplace_back());
    read_value(in, type, value.back(), depth);
  } else {
    if (type != WireType::bytes) return void(in.wrong = "expected bytes");
    if constexpr (std::is_same_v<T, std::string>) {
      value.assign(in.bytes());
    } else if constexpr (std::is_same_v<T, IntervalSet>) {
      Reader packed{in.bytes()};
      std::vector<IntervalSet::Interval> intervals;
      while (!packed.rest.empty() && !packed.wrong) {
        const std::uint64_t first = packed.varint();
        const std::uint64_t last = packed.varint();
        if (last < first || (!intervals.empty() && first <= intervals.back().last)) {
          packed.wrong = "intervals are not in order";
        } else {
          intervals.push_back({first, last});
        }
      }
      if (packed.wrong) in.wrong = packed.wrong;
      value = IntervalSet::from(std::move(intervals));
    } else if constexpr (RawBytes<T>) {
      Result<T> parsed = T::from_bytes(in.bytes());
      if (parsed) {
        value = std::move(*parsed);
      } else {
        in.wrong = "bytes of the wrong shape";
      }
    } else {
      if (depth == 0) return void(in.wrong = "nested too deep");
      Reader nested{in.bytes()};
      read(nested, value, depth - 1);
      if (nested.wrong) in.wrong = nested.wrong;
    }
  }
}

template <class T, class Owner, class Member>
std::size_t size_of_field(const T& message, const Field<Owner, Member>& f) {
  return size_of_value(f.number, message.*f.member, false);
}
template <class T, class Owner, class Member, std::size_t n>
std::size_t size_of_field(const T& message, const OneOf<Owner, Member, n>& f) {
  const auto& variant = message.*f.member;
  if (variant.index() == 0) return 0;
  return std::visit(
      [&](const auto& value) -> std::size_t {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
          return 0;
        } else {
          return size_of_value(f.numbers[variant.index() - 1], value, true);
        }
      },
      variant);
}

template <class T, class Owner, class Member>
void write_field(std::string& out, const T& message, const Field<Owner, Member>& f) {
  write_value(out, f.number, message.*f.member, false);
}
template <class T, class Owner, class Member, std::size_t n>
void write_field(std::string& out, const T& message, const OneOf<Owner, Member, n>& f) {
  const auto& variant = message.*f.member;
  std::visit(
      [&](const auto& value) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
          write_value(out, f.numbers[variant.index() - 1], value, true);
        }
      },
      variant);
}

template <class T, class Owner, class Member>
bool read_field(Reader& in, std::uint32_t number, WireType type, T& message,
                const Field<Owner, Member>& f, int depth) {
  if (f.number != number) return false;
  read_value(in, type, message.*f.member, depth);
  return true;
}
template <std::size_t alternative, class Variant>
void read_alternative(Reader& in, WireType type, std::size_t which, Variant& variant, int depth) {
  if constexpr (alternative < std::variant_size_v<Variant>) {
    if (which != alternative) {
      return read_alternative<alternative + 1>(in, type, which, variant, depth);
    }
    if (variant.index() != alternative) make_zero(variant.template emplace<alternative>());
    read_value(in, type, std::get<alternative>(variant), depth);
  }
}
template <class T, class Owner, class Member, std::size_t n>
bool read_field(Reader& in, std::uint32_t number, WireType type, T& message,
                const OneOf<Owner, Member, n>& f, int depth) {
  for (std::size_t i = 0; i < n; ++i) {
    if (f.numbers[i] != number) continue;
    read_alternative<1>(in, type, i + 1, message.*f.member, depth);
    return true;
  }
  return false;
}

template <Message T>
std::size_t size_of(const T& message) {
  return std::apply(
      [&](const auto&... f) { return (std::size_t{0} + ... + size_of_field(message, f)); },
      T::fields);
}

template <Message T>
void write(std::string& out, const T& message) {
  std::apply([&](const auto&... f) { (write_field(out, message, f), ...); }, T::fields);
}

template <Message T>
void read(Reader& in, T& message, int depth) {
  while (!in.rest.empty() && !in.wrong) {
    const std::uint64_t tag = in.varint();
    if (in.wrong) return;
    const auto number = static_cast<std::uint32_t>(tag >> 3);
    const auto type = static_cast<WireType>(tag & 7);
    const bool known = std::apply(
        [&](const auto&... f) { return (read_field(in, number, type, message, f, depth) || ...); },
        T::fields);
    if (!known) in.skip(type);
  }
}

void show_bytes(std::string& out, std::string_view bytes);  // 'text', or 0x… when not printable

template <class T>
void show_value(std::string& out, const T& value);

template <class T, class Owner, class Member>
void show_field(std::string& out, const T& message, const Field<Owner, Member>& f) {
  using Value = std::remove_cvref_t<Member>;
  const auto& value = message.*f.member;
  if constexpr (is_optional<Value>::value) {
    if (!value) return;
  } else if constexpr (is_vector<Value>::value || std::is_same_v<Value, std::string> ||
                       std::is_same_v<Value, IntervalSet>) {
    if (value.empty()) return;
  } else if constexpr (Scalar<Value>) {
    if (to_varint(value) == 0) return;
  } else if constexpr (Message<Value>) {
    if (size_of(value) == 0) return;
  }
  if (out.back() != '{') out += ", ";
  out.append(f.name).append(": ");
  show_value(out, value);
}
template <class T, class Owner, class Member, std::size_t n>
void show_field(std::string& out, const T& message, const OneOf<Owner, Member, n>& f) {
  const auto& variant = message.*f.member;
  if (variant.index() == 0) return;
  if (out.back() != '{') out += ", ";
  out.append(f.name).append(": ");
  std::visit(
      [&](const auto& value) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
          show_value(out, value);
        }
      },
      variant);
}

template <class T>
void show_value(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (requires {
                         { name_of(value) } -> std::convertible_to<std::string_view>;
                       }) {
    out += name_of(value);
  } else if constexpr (Scalar<T>) {
    out += std::to_string(to_varint(value));
  } else if constexpr (is_optional<T>::value) {
    show_value(out, *value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    show_bytes(out, value);
  } else if constexpr (is_vector<T>::value) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      show_value(out, value[i]);
    }
    out += ']';
  } else if constexpr (std::is_same_v<T, IntervalSet>) {
    for (const auto& i : value.intervals()) {
      out += '[' + std::to_string(i.first) + ',' + std::to_string(i.last) + ']';
    }
  } else if constexpr (RawBytes<T>) {
    if constexpr (requires { value.text(); }) {
      out += value.text();
    } else {
      show_bytes(out, value.bytes());
    }
  } else {
    out += '{';
    std::apply([&](const auto&... f) { (show_field(out, value, f), ...); }, T::fields);
    out += '}';
  }
}

}  // namespace perdure::wire::detail

namespace perdure::wire {

template <Message T>
void encode_to(std::string& out, const T& message) {
  detail::write(out, message);
}

template <Message T>
std::string encode(const T& message) {
  std::string out;
  out.reserve(detail::size_of(message));
  detail::write(out, message);
  return out;
}

template <Message T>
Result<T> decode(std::string_view bytes) {
  T message{};
  detail::make_zero(message);
  detail::Reader in{bytes};
  detail::read(in, message, depth_max);
  if (in.wrong) return fail(Code::corrupt, in.wrong);
  return message;
}

template <Message T>
std::string show(const T& message) {
  std::string out;
  detail::show_value(out, message);
  return out;
}

}  // namespace perdure::wire
