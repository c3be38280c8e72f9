// tests/engine/http/frames.h
//
// HTTP/2 frames by hand, so that wrong ones can be made too; and a reader that shows
// what a server said in a line: "SETTINGS HEADERS(1) DATA(1,END) GOAWAY(1,protocol_error)".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/http/detect.h"
#include "engine/http/h2_connection.h"

namespace perdure::http::test {

enum Type : std::uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
};
inline constexpr std::uint8_t end_stream = 1, ack = 1, end_headers = 4, padded = 8,
                              with_priority = 32;

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                         std::string_view payload = "") {
  std::string out;
  put_be(out, static_cast<std::uint32_t>(payload.size()));
  out.erase(0, 1);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  put_be(out, stream);
  return out.append(payload);
}

inline std::string number(std::uint32_t value) {
  std::string out;
  put_be(out, value);
  return out;
}

inline std::string setting(std::uint16_t name, std::uint32_t value) {
  std::string out;
  put_be(out, name);
  put_be(out, value);
  return out;
}

// HPACK without tables: a literal, never Huffman; lengths up to 16 383 + 127.
inline std::string hpack_length(std::size_t size) {
  if (size < 127) return std::string(1, static_cast<char>(size));
  std::string out(1, 127);
  for (size -= 127; size >= 128; size >>= 7) out.push_back(static_cast<char>(0x80 | (size & 127)));
  out.push_back(static_cast<char>(size));
  return out;
}
inline std::string field(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  out += hpack_length(name.size());
  out += name;
  out += hpack_length(value.size());
  return out.append(value);
}
using Fields = std::vector<std::pair<std::string_view, std::string_view>>;
inline std::string block(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += field(name, value);
  return out;
}
inline const Fields a_get = {
    {":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}};
inline const Fields a_post = {
    {":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}};

inline Fields with(Fields fields, std::string_view name, std::string_view value) {
  fields.emplace_back(name, value);
  return fields;
}
inline std::string get(std::uint32_t stream, const Fields& fields = a_get) {
  return frame(headers, end_headers | end_stream, stream, block(fields));
}
inline std::string post(std::uint32_t stream, const Fields& fields = a_post) {
  return frame(headers, end_headers, stream, block(fields));
}
inline std::string hello() { return std::string(h2_preface) + frame(settings, 0, 0); }

struct Frame {
  std::uint8_t type, flags;
  std::uint32_t stream;
  std::string payload;
};

inline std::vector<Frame> frames_of(std::string_view bytes) {
  std::vector<Frame> found;
  while (bytes.size() >= 9) {
    const std::size_t size =
        get_be<std::uint32_t>(std::string("\0", 1) + std::string(bytes.substr(0, 3)));
    if (bytes.size() < 9 + size) break;
    found.push_back({static_cast<std::uint8_t>(bytes[3]), static_cast<std::uint8_t>(bytes[4]),
                     get_be<std::uint32_t>(bytes.substr(5)), std::string(bytes.substr(9, size))});
    bytes.remove_prefix(9 + size);
  }
  return found;
}

inline std::string shown(const Frame& frame) {
  const std::string stream = std::to_string(frame.stream);
  const std::string end = frame.flags & end_stream ? ",END" : "";
  const auto error = [&frame](std::size_t at) {
    return std::string(name_of(
        static_cast<H2Error>(get_be<std::uint32_t>(std::string_view(frame.payload).substr(at)))));
  };
  switch (frame.type) {
    case data: return "DATA(" + stream + end + ")";
    case headers: return "HEADERS(" + stream + end + ")";
    case rst_stream: return "RST(" + stream + "," + error(0) + ")";
    case settings: return frame.flags & ack ? "SETTINGS-ACK" : "SETTINGS";
    case ping: return std::string(frame.flags & ack ? "PING-ACK(" : "PING(") + frame.payload + ")";
    case goaway:
      return "GOAWAY(" + std::to_string(get_be<std::uint32_t>(frame.payload)) + "," + error(4) +
             ")";
    case window_update: return "WINDOW(" + stream + ")";
    default: return "frame " + std::to_string(frame.type);
  }
}

// Without what every connection begins with.
inline std::string shown(std::string_view bytes) {
  std::string line;
  for (const Frame& frame : frames_of(bytes)) {
    const std::string one = shown(frame);
    if (one == "SETTINGS" || one == "SETTINGS-ACK" || one == "WINDOW(0)") continue;
    line += (line.empty() ? "" : " ") + one;
  }
  return line;
}

}  // namespace perdure::http::test
