#include "engine/tables/lock.h"

#include <cstring>

#include "engine/base/bytes.h"

namespace perdure::tables {
namespace {

constexpr std::size_t base_at = 0, head_at = 8, held_at = 16, holder_at = 17, since_at = 41;
constexpr std::size_t header_bytes = 49;
constexpr std::size_t item_header_bytes = 5;
constexpr std::size_t cut_from = 4096;  // bytes of front; below it is left alone

std::uint64_t number_at(std::string_view row, std::size_t at) {
  return get_be<std::uint64_t>(row.substr(at));
}
void set_number(std::string& row, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 8; i-- > 0; value >>= 8) {
    row[at + i] = static_cast<char>(static_cast<unsigned char>(value & 0xFF));
  }
}

}  // namespace

bool LockView::held() const { return row_.size() >= header_bytes && row_[held_at] != 0; }

std::optional<wire::InvocationId> LockView::holder() const {
  if (!held()) return std::nullopt;
  return wire::InvocationId{
      .partition_key = number_at(row_, holder_at),
      .uuid = {.high = number_at(row_, holder_at + 8), .low = number_at(row_, holder_at + 16)}};
}

bool LockView::held_by(const wire::InvocationId& id) const { return holder() == id; }

WallTime LockView::since() const {
  return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(number_at(row_, since_at))));
}

std::optional<LockItem> LockView::at_or_after(std::uint64_t position) const {
  if (row_.size() < header_bytes) return std::nullopt;
  const std::uint64_t base = number_at(row_, base_at);
  while (true) {
    const std::size_t at = header_bytes + static_cast<std::size_t>(position - base);
    if (at >= row_.size()) return std::nullopt;
    const auto kind = static_cast<Waiting>(row_[at]);
    const auto size = get_be<std::uint32_t>(row_.substr(at + 1));
    if (kind != Waiting::removed) {
      return LockItem{
          .kind = kind, .position = position, .bytes = row_.substr(at + item_header_bytes, size)};
    }
    position += item_header_bytes + size;
  }
}

std::optional<LockItem> LockView::next() const {
  if (row_.size() < header_bytes) return std::nullopt;
  return at_or_after(number_at(row_, head_at));
}

std::optional<LockItem> LockView::after(const LockItem& item) const {
  return at_or_after(item.position + item_header_bytes + item.bytes.size());
}

LockEdit::LockEdit(std::string& row) : row_(row) {
  if (row_.size() < header_bytes) row_.assign(header_bytes, '\0');
}

void LockEdit::hold(const wire::InvocationId& id, WallTime since) {
  row_[held_at] = 1;
  set_number(row_, holder_at, id.partition_key);
  set_number(row_, holder_at + 8, id.uuid.high);
  set_number(row_, holder_at + 16, id.uuid.low);
  set_number(row_, since_at, static_cast<std::uint64_t>(since.time_since_epoch().count()));
}

void LockEdit::let_go() { std::memset(row_.data() + held_at, 0, header_bytes - held_at); }

std::uint64_t LockEdit::push(Waiting kind, std::string_view bytes) {
  const std::uint64_t position = number_at(row_, base_at) + (row_.size() - header_bytes);
  row_.push_back(static_cast<char>(kind));
  put_be(row_, static_cast<std::uint32_t>(bytes.size()));
  row_.append(bytes);
  return position;
}

void LockEdit::pop() {
  const auto item = view().next();
  if (!item) return;
  const std::uint64_t head = item->position + item_header_bytes + item->bytes.size();
  const std::uint64_t base = number_at(row_, base_at);
  set_number(row_, head_at, head);
  const auto front = static_cast<std::size_t>(head - base);
  const std::size_t items = row_.size() - header_bytes;
  if (front < cut_from || front < items / 2) return;
  row_.erase(header_bytes, front);
  set_number(row_, base_at, head);
}

bool LockEdit::remove(std::uint64_t position, const wire::InvocationId& id) {
  const std::uint64_t base = number_at(row_, base_at);
  const std::uint64_t end = base + (row_.size() - header_bytes);
  if (position < number_at(row_, head_at) || position >= end) return false;
  const std::size_t at = header_bytes + static_cast<std::size_t>(position - base);
  if (static_cast<Waiting>(row_[at]) != Waiting::invocation) return false;
  if (row_.compare(at + item_header_bytes, 24, id.bytes()) != 0) return false;
  row_[at] = static_cast<char>(Waiting::removed);
  return true;
}

bool LockEdit::idle() const { return !view().held() && !view().next(); }

}  // namespace perdure::tables
