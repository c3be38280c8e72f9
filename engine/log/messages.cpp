#include "engine/log/messages.h"

#include "engine/base/bytes.h"

namespace perdure::log {
namespace {

std::string begin_frame(FrameKind kind, const std::string& head) {
  CHECK(head.size() <= UINT16_MAX);
  std::string frame(1, static_cast<char>(kind));
  put_be(frame, static_cast<std::uint16_t>(head.size()));
  frame += head;
  return frame;
}

// The head, taken off the front together with kind and length.
Result<std::string_view> take_head(std::string_view& frame) {
  if (frame.size() < 3) return fail(Code::corrupt, "a frame of the log is cut off");
  const std::size_t length = get_be<std::uint16_t>(frame.substr(1));
  if (frame.size() - 3 < length) return fail(Code::corrupt, "a frame's head is cut off");
  const std::string_view head = frame.substr(3, length);
  frame.remove_prefix(3 + length);
  return head;
}

}  // namespace

StoreFrame::StoreFrame(const StoreHead& head)
    : frame_(begin_frame(FrameKind::store, wire::encode(head))) {}

void StoreFrame::add(std::string_view record) {
  put_be(frame_, static_cast<std::uint32_t>(record.size()));
  frame_.append(record);
}

std::string encode_frame(const Stored& stored) {
  return begin_frame(FrameKind::stored, wire::encode(stored));
}

Result<FrameKind> kind_of_frame(std::string_view frame) {
  const auto kind = frame.empty() ? FrameKind() : static_cast<FrameKind>(frame.front());
  if (kind == FrameKind::store || kind == FrameKind::stored) return kind;
  return fail(Code::corrupt, "a frame of the log of an unknown kind");
}

Result<ReceivedStore> decode_store(std::string_view frame) {
  TRY(head, take_head(frame));
  ReceivedStore received;
  TRY(decoded, wire::decode<StoreHead>(head));
  received.head = decoded;
  while (!frame.empty()) {
    if (frame.size() < 4) return fail(Code::corrupt, "a record's length is cut off");
    const std::size_t length = get_be<std::uint32_t>(frame);
    frame.remove_prefix(4);
    if (frame.size() < length) return fail(Code::corrupt, "a record is cut off");
    received.records.push_back(frame.substr(0, length));
    frame.remove_prefix(length);
  }
  return received;
}

Result<Stored> decode_stored(std::string_view frame) {
  TRY(head, take_head(frame));
  return wire::decode<Stored>(head);
}

}  // namespace perdure::log
