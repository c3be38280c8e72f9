#include "net/tls/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "engine/base/check.h"

namespace perdure::net {
namespace {

constexpr std::size_t record_bytes_max = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr Duration refusal_patience = std::chrono::seconds(1);

// Until the other side has read why, or does not care: a reset would overtake it.
void linger(RecordSocket& records, Instant deadline) {
  records.end_output();
  std::array<std::byte, 256> rest;
  while (records.socket().read(rest, deadline).value_or(0) > 0) {
  }
}

}  // namespace

TlsStream::TlsStream(std::shared_ptr<RecordSocket> records, TlsSession session)
    : records_(std::move(records)), session_(std::move(session)) {
  records_->serve(session_);
}

TlsStream::~TlsStream() {
  if (session_ == nullptr) return;  // moved out
  const bool done = finished_ && ended_ && !broken_;
  done ? records_->leave() : records_->reset();
}

Result<std::unique_ptr<TlsStream>> TlsStream::shake_hands(Loop& loop,
                                                          std::unique_ptr<SocketStream> socket,
                                                          const Credentials& credentials,
                                                          TlsSide side, Instant deadline) {
  std::unique_ptr<TlsStream> stream(new TlsStream(
      std::make_shared<RecordSocket>(loop, std::move(socket)), credentials.session(side)));
  const Result<void> shaken = stream->shake_hands(deadline);
  if (shaken) return stream;
  if (stream->broken_) {
    linger(*stream->records_, loop.clock.steady() + refusal_patience);
  }
  return std::unexpected(shaken.error());
}

Result<void> TlsStream::shake_hands(Instant deadline) {
  while (true) {
    int done = 0;
    records_->scheduler().on_loop_stack([&] {  // certificates take more than a fiber has
      ::ERR_clear_error();
      done = ::SSL_do_handshake(session_.get());
    });
    if (done == 1) return {};
    TRY(goes_on, get_on(deadline));
    if (!goes_on) return broken();
  }
}

Result<bool> TlsStream::get_on(Instant deadline) {
  switch (::SSL_get_error(session_.get(), -1)) {
    case SSL_ERROR_WANT_READ: TRY_VOID(records_->wait_to_read(deadline)); return true;
    case SSL_ERROR_ZERO_RETURN: ended_ = true; return false;
    default: return broken();
  }
}

std::unexpected<Error> TlsStream::broken() {
  if (broken_) return std::unexpected(*broken_);
  const long verdict = ::SSL_get_verify_result(session_.get());
  const bool by_tls = ::ERR_peek_last_error() != 0;
  const std::string reason = tls_error();
  if (!by_tls && records_->failure()) {
    broken_ = records_->failure();
  } else if (verdict != X509_V_OK) {
    broken_ = {Code::failed, "TLS with " + peer() +
                                 ": its certificate: " + ::X509_verify_cert_error_string(verdict)};
  } else {
    broken_ = {Code::failed, "TLS with " + peer() + ": " + reason};
  }
  return std::unexpected(*broken_);
}

Result<std::size_t> TlsStream::read(std::span<std::byte> into, Instant deadline) {
  CHECK(!into.empty());
  while (true) {
    if (broken_) return broken();
    ::ERR_clear_error();
    std::size_t count = 0;
    if (::SSL_read_ex(session_.get(), into.data(), into.size(), &count) == 1) {
      records_->socket().read_at_once();
      return count;
    }
    TRY(goes_on, get_on(deadline));
    if (!goes_on) return 0;
  }
}

Result<std::string> TlsStream::peek(Instant deadline) {
  while (true) {
    if (broken_) return broken();
    ::ERR_clear_error();
    char first = 0;
    std::size_t count = 0;
    if (::SSL_peek_ex(session_.get(), &first, 1, &count) == 1) return std::string(1, first);
    TRY(goes_on, get_on(deadline));
    if (!goes_on) return std::string();
  }
}

// Makes records of all of it.
Result<void> TlsStream::put(std::span<const std::byte> bytes) {
  if (broken_) return broken();
  ::ERR_clear_error();
  std::size_t count = 0;
  if (::SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &count) != 1) return broken();
  CHECK(count == bytes.size());  // our BIO takes what it is given
  return {};
}

Result<std::size_t> TlsStream::write(std::span<const std::byte> bytes, Instant deadline) {
  CHECK(!bytes.empty());
  CHECK(!finished_);
  TRY_VOID(records_->wait_for_room(deadline));
  std::size_t given = 0;
  while (given < bytes.size() && records_->has_room()) {
    const auto record = bytes.subspan(given, std::min(record_bytes_max, bytes.size() - given));
    TRY_VOID(put(record));
    given += record.size();
  }
  records_->socket().wrote_at_once();
  return given;
}

Result<std::size_t> TlsStream::write_pieces(std::span<const iovec> pieces, Instant deadline) {
  CHECK(!finished_);
  TRY_VOID(records_->wait_for_room(deadline));
  if (!gathered_) gathered_ = std::make_unique<std::byte[]>(record_bytes_max);
  std::size_t given = 0, held = 0;
  const auto put_held = [&]() -> Result<void> {
    TRY_VOID(put({gathered_.get(), held}));
    given += std::exchange(held, 0);
    return {};
  };
  for (const iovec& piece : pieces) {
    std::span rest(static_cast<const std::byte*>(piece.iov_base), piece.iov_len);
    while (!rest.empty() && records_->has_room()) {
      if (held == 0 && rest.size() >= record_bytes_max) {
        TRY_VOID(put(rest.first(record_bytes_max)));
        given += record_bytes_max;
        rest = rest.subspan(record_bytes_max);
        continue;
      }
      const std::size_t part = std::min(record_bytes_max - held, rest.size());
      std::memcpy(gathered_.get() + held, rest.data(), part);
      held += part;
      rest = rest.subspan(part);
      if (held == record_bytes_max) TRY_VOID(put_held());
    }
    if (!records_->has_room()) break;
  }
  if (held > 0) TRY_VOID(put_held());
  CHECK(given > 0);
  records_->socket().wrote_at_once();
  return given;
}

void TlsStream::finish() {
  if (std::exchange(finished_, true) || broken_ || records_->failure()) return;
  ::ERR_clear_error();
  (void)::SSL_shutdown(session_.get());
  ::ERR_clear_error();
  records_->end_output();
}

void TlsStream::reset() {
  records_->reset();
  broken_ = records_->failure();
}

std::string TlsStream::peer() const { return records_->socket().peer(); }

MovableStream::Anew TlsStream::move_out() {
  CHECK(!broken_ && !ended_ && !finished_);
  return [belongings = records_->move_out(), session = std::move(session_)](Loop& loop) mutable {
    return std::unique_ptr<MovableStream>(
        new TlsStream(RecordSocket::make(loop, std::move(belongings)), std::move(session)));
  };
}

}  // namespace perdure::net
