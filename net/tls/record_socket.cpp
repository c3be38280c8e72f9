#include "net/tls/record_socket.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <utility>

#include "engine/base/bytes.h"
#include "engine/base/check.h"

namespace perdure::net {
namespace {

constexpr Duration linger_max = std::chrono::seconds(10);

}  // namespace

// The functions behind our BIO.
struct RecordBio {
  static RecordSocket& of(BIO* bio) { return *static_cast<RecordSocket*>(::BIO_get_data(bio)); }

  static int write(BIO* bio, const char* bytes, int size) {
    if (size <= 0 || of(bio).failure_) return -1;
    if (of(bio).end_wanted_) return size;  // behind our end nobody hears it
    of(bio).send(as_bytes(std::string_view(bytes, static_cast<std::size_t>(size))));
    return size;
  }

  static int read(BIO* bio, char* into, int size) {
    RecordSocket& records = of(bio);
    ::BIO_clear_retry_flags(bio);
    if (size <= 0) return -1;
    if (records.read_to_end_) return 0;
    const std::span room(reinterpret_cast<std::byte*>(into), static_cast<std::size_t>(size));
    const std::optional<Result<std::size_t>> count = records.socket_->try_read(room);
    if (!count) return ::BIO_set_retry_read(bio), -1;
    if (!*count) return records.broke(count->error()), -1;
    records.read_to_end_ = **count == 0;
    return static_cast<int>(**count);
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return of(bio).read_to_end_ ? 1 : 0;
    return 0;
  }

  // Made once, for all threads.
  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* const fresh =
          ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "perdure");
      CHECK(fresh != nullptr);
      ::BIO_meth_set_write(fresh, write);
      ::BIO_meth_set_read(fresh, read);
      ::BIO_meth_set_ctrl(fresh, control);
      return fresh;
    }();
    return made;
  }
};

RecordSocket::RecordSocket(Loop& loop, std::unique_ptr<SocketStream> socket)
    : loop_(loop), socket_(std::move(socket)), room_(loop.scheduler) {}

RecordSocket::~RecordSocket() {
  // An ordinary close, though the end of the socket was not read.
  if (left_ && unsent_.empty() && !failure_) (void)socket_->release();
}

void RecordSocket::serve(TlsSession& session) {
  BIO* bio = ::SSL_get_rbio(session.get());
  if (bio == nullptr) {
    bio = ::BIO_new(RecordBio::method());
    CHECK(bio != nullptr);
    ::BIO_set_init(bio, 1);
    ::SSL_set_bio(session.get(), bio, bio);
  }
  ::BIO_set_data(bio, this);
}

Result<void> RecordSocket::wait_for_room(Instant deadline) {
  while (!unsent_.empty() && !failure_) TRY_VOID(room_.wait(deadline));
  if (failure_) return std::unexpected(*failure_);
  return {};
}

void RecordSocket::send(std::span<const std::byte> record) {
  while (unsent_.empty() && !record.empty()) {
    const std::optional<Result<std::size_t>> count = socket_->try_write(record);
    if (!count) break;
    if (!*count) return broke(count->error());
    record = record.subspan(**count);
  }
  if (record.empty()) return;
  const bool first = unsent_.empty();
  unsent_.append(reinterpret_cast<const char*>(record.data()), record.size());
  if (first) start_sending();
}

void RecordSocket::start_sending() {
  host::Scheduler& scheduler = loop_.scheduler;
  scheduler.start(scheduler.roots(), "tls.send", [self = shared_from_this()] { self->send_on(); });
}

void RecordSocket::send_on() {
  while (!unsent_.empty()) {
    const Result<void> waited = socket_->wait_to_write(loop_.clock.steady() + linger_max);
    const bool slow = !waited && waited.error().code == Code::timed_out;
    if (slow && !left_) continue;
    if (!waited) return broke(waited.error());
    if (unsent_.empty()) return;
    const std::optional<Result<std::size_t>> count = socket_->try_write(as_bytes(unsent_));
    if (!count) continue;
    if (!*count) return broke(count->error());
    unsent_.erase(0, **count);
  }
  if (end_wanted_) socket_->finish();
  room_.notify_all();
}

void RecordSocket::broke(Error why) {
  unsent_.clear();
  if (!failure_) failure_ = std::move(why);
  room_.notify_all();
}

void RecordSocket::end_output() {
  end_wanted_ = true;
  if (unsent_.empty()) socket_->finish();
}

void RecordSocket::reset() {
  socket_->reset();
  broke({Code::failed, "the stream to " + socket_->peer() + " was reset"});
}

void RecordSocket::leave() { left_ = true; }

RecordSocket::Belongings RecordSocket::move_out() {
  const SocketAddress peer = socket_->peer_address();
  return {.socket = socket_->release(),
          .peer = peer,
          .unsent = std::exchange(unsent_, {})};  // which ends who sends
}

std::shared_ptr<RecordSocket> RecordSocket::make(Loop& loop, Belongings belongings) {
  auto made = std::make_shared<RecordSocket>(
      loop, std::make_unique<SocketStream>(loop, std::move(belongings.socket), belongings.peer));
  made->unsent_ = std::move(belongings.unsent);
  if (!made->unsent_.empty()) made->start_sending();
  return made;
}

}  // namespace perdure::net
