#include "sim/workload/pipelined.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>
#include <span>
#include <string_view>

#include "engine/io/fibers.h"
#include "engine/io/streams.h"

namespace perdure::sim {
namespace {

constexpr std::string_view line_end = "\r\n";

Error not_http(std::string_view what) {
  return {Code::conflict, "not HTTP: " + std::string(what.substr(0, 100))};
}

std::string text_of(const Pipelined& request, const std::string& authority) {
  const Asked& asked = request.asked;
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", asked.method, asked.target, authority);
  for (const io::Header& header : asked.headers) {
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  if (asked.method == "GET") return text + "\r\n";
  if (request.body == Body::promised) text += "Expect: 100-continue\r\n";
  if (request.body != Body::chunked) {
    return text + fmt::format("Content-Length: {}\r\n\r\n{}", asked.body.size(), asked.body);
  }
  text += "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0, size = 1; at < asked.body.size(); at += size, size = size * 3 + 1) {
    const std::string_view some = std::string_view(asked.body).substr(at, size);
    text += fmt::format("{:X}\r\n{}\r\n", some.size(), some);
  }
  return text + "0\r\nX-Trailer: of no use\r\n\r\n";
}

// What comes back on one connection.
class Answers {
 public:
  Answers(io::Stream& stream, Instant deadline) : stream_(stream), deadline_(deadline) {}

  Result<Answered> next() {
    while (true) {
      TRY(status_line, line());
      int status = 0;
      const std::string_view rest =
          std::string_view(status_line).substr(std::min<std::size_t>(status_line.size(), 9));
      const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), status).ptr;
      if (!status_line.starts_with("HTTP/1.1 ") || end != rest.data() + 3) {
        return std::unexpected(not_http(status_line));
      }
      Answered answer = {.status = status};
      TRY(chunked_or_length, headers(answer));
      if (status / 100 == 1) continue;  // go on, it says
      if (!chunked_or_length) {
        while (true) {
          TRY(size, chunk_size());
          TRY(chunk, take(size));
          TRY(after, line());
          if (!after.empty()) return std::unexpected(not_http("behind a chunk " + after));
          if (size == 0) return answer;
          answer.body += chunk;
        }
      }
      TRY(body, take(*chunked_or_length));
      answer.body = std::move(body);
      return answer;
    }
  }

 private:
  Result<void> more() {
    std::array<std::byte, 2048> bytes;
    TRY(count, stream_.read(bytes, deadline_));
    if (count == 0) return fail(Code::failed, "the other side ended");
    came_.append(reinterpret_cast<const char*>(bytes.data()), count);
    return {};
  }
  Result<std::string> take(std::size_t count) {
    while (came_.size() < count) TRY_VOID(more());
    std::string taken = came_.substr(0, count);
    came_.erase(0, count);
    return taken;
  }
  Result<std::string> line() {
    std::size_t end = 0;
    while ((end = came_.find(line_end)) == std::string::npos) TRY_VOID(more());
    TRY(text, take(end + line_end.size()));
    text.resize(end);
    return text;
  }
  Result<std::size_t> chunk_size() {
    TRY(text, line());
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size, 16);
    if (error != std::errc() || end != text.data() + text.size()) {
      return std::unexpected(not_http("a chunk of " + text));
    }
    return size;
  }
  // The length of the body that follows; absent when it comes in chunks.
  Result<std::optional<std::size_t>> headers(Answered& answer) {
    std::optional<std::size_t> length = 0;
    while (true) {
      TRY(text, line());
      if (text.empty()) return length;
      const std::size_t colon = text.find(": ");
      if (colon == std::string::npos) return std::unexpected(not_http("a header " + text));
      const std::string_view name = std::string_view(text).substr(0, colon);
      const std::string_view value = std::string_view(text).substr(colon + 2);
      if (name == "x-restate-id") answer.invocation = value;
      if (name == "transfer-encoding") length.reset();
      if (name == "content-length") {
        length.emplace();
        std::from_chars(value.data(), value.data() + value.size(), *length);
      }
    }
  }

  io::Stream& stream_;
  const Instant deadline_;
  std::string came_;
};

}  // namespace

Result<std::vector<Answered>> ask_in_one_breath(io::World& world, const std::string& authority,
                                                const std::vector<Pipelined>& requests,
                                                Instant deadline) {
  TRY(stream, world.streams.connect(authority, deadline));
  std::string text;
  for (const Pipelined& request : requests) text += text_of(request, authority);
  std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  while (!bytes.empty()) {
    TRY(written, stream->write(bytes, deadline));
    bytes = bytes.subspan(written);
  }
  Answers answers(*stream, deadline);
  std::vector<Answered> all;
  while (all.size() < requests.size()) {
    TRY(answer, answers.next());
    all.push_back(std::move(answer));
  }
  return all;
}

}  // namespace perdure::sim
