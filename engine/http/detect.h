// engine/http/detect.h
//
// Which protocol does a new connection speak?  HTTP/2 with prior knowledge begins
// with a fixed preface that no HTTP/1.1 request can be; we decide at the first byte
// that differs from it, or when all of it is there.
#pragma once

#include <optional>
#include <string_view>

#include "engine/io/http.h"

namespace perdure::http {

inline constexpr std::string_view h2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Nothing: more bytes are needed.
inline std::optional<io::HttpVersion> detect(std::string_view first_bytes) {
  if (first_bytes.starts_with(h2_preface)) return io::HttpVersion::http2;
  if (h2_preface.starts_with(first_bytes)) return std::nullopt;
  return io::HttpVersion::http1;
}

}  // namespace perdure::http
