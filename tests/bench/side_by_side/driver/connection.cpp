#include "connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

namespace bench {
namespace {

constexpr std::size_t unsent_enough = 128 << 10;
constexpr std::int32_t stream_window = 1 << 20, connection_window = 64 << 20;

void switch_on(int socket, int option) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, option, &on, sizeof on);
}

// The bytes outlive the call that they are handed to; nghttp2 copies them.
nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

Exchange* exchange_of(nghttp2_session* session, std::int32_t stream) {
  return static_cast<Exchange*>(nghttp2_session_get_stream_user_data(session, stream));
}

ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                  std::uint32_t* flags, nghttp2_data_source* source, void*) {
  Exchange& exchange = *static_cast<Exchange*>(source->ptr);
  const std::string& body = exchange.request.body;
  const std::size_t n = std::min(room, body.size() - exchange.body_sent);
  std::memcpy(to, body.data() + exchange.body_sent, n);
  exchange.body_sent += n;
  if (exchange.body_sent == body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(n);
}

}  // namespace

struct Callbacks {
  static int heard_header(nghttp2_session* session, const nghttp2_frame* frame,
                          const std::uint8_t* name, std::size_t name_size,
                          const std::uint8_t* value, std::size_t value_size, std::uint8_t, void*) {
    if (std::string_view(reinterpret_cast<const char*>(name), name_size) != ":status") return 0;
    Exchange* const exchange = exchange_of(session, frame->hd.stream_id);
    const char* const digits = reinterpret_cast<const char*>(value);
    if (exchange != nullptr) std::from_chars(digits, digits + value_size, exchange->status);
    return 0;
  }
  static int heard_data(nghttp2_session* session, std::uint8_t, std::int32_t stream,
                        const std::uint8_t* bytes, std::size_t size, void*) {
    Exchange* const exchange = exchange_of(session, stream);
    if (exchange != nullptr) exchange->answer.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int closed(nghttp2_session* session, std::int32_t stream, std::uint32_t error,
                    void* connection) {
    Exchange* const exchange = exchange_of(session, stream);
    const bool whole = error == 0 || (exchange != nullptr && exchange->status != 0);
    if (exchange != nullptr) {
      static_cast<Connection*>(connection)->owner_.answered(*exchange, whole);
    }
    return 0;
  }
  static nghttp2_session_callbacks* all() {
    static nghttp2_session_callbacks* const made = [] {
      nghttp2_session_callbacks* callbacks = nullptr;
      nghttp2_session_callbacks_new(&callbacks);
      nghttp2_session_callbacks_set_on_header_callback(callbacks, heard_header);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, heard_data);
      nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, closed);
      return callbacks;
    }();
    return made;
  }
};

bool Connection::dial(const Target& target) {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  switch_on(socket_, TCP_NODELAY);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(target.port);
  inet_pton(AF_INET, target.host.c_str(), &address.sin_addr);
  const auto* const any = reinterpret_cast<const sockaddr*>(&address);
  if (connect(socket_, any, sizeof address) < 0 && errno != EINPROGRESS) {
    close();
    return false;
  }
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.ptr = this}};
  waits_for_room_ = true;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_, &event);
  return true;
}

bool Connection::establish(std::uint32_t events) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0 || (events & (EPOLLERR | EPOLLHUP)) != 0) return false;
  if ((events & EPOLLOUT) == 0) return true;
  up_ = true;
  nghttp2_session_client_new(&session_, Callbacks::all(), this);
  const std::array settings = {
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
  owner_.connected(*this);
  return flush();
}

bool Connection::send(Exchange& exchange, const Target& target) {
  const Request& request = exchange.request;
  exchange.answer.clear();
  exchange.status = 0;
  exchange.body_sent = 0;
  const std::string authority = target.authority();
  std::array<nghttp2_nv, 6> headers;
  std::size_t n = 0;
  headers[n++] = header(":method", "POST");
  headers[n++] = header(":scheme", "http");
  headers[n++] = header(":authority", authority);
  headers[n++] = header(":path", request.path);
  if (!request.body.empty()) headers[n++] = header("content-type", "application/json");
  if (!request.idempotency_key.empty()) {
    headers[n++] = header("idempotency-key", request.idempotency_key);
  }
  const nghttp2_data_provider body{.source = {.ptr = &exchange}, .read_callback = read_body};
  return nghttp2_submit_request(session_, nullptr, headers.data(), n,
                                request.body.empty() ? nullptr : &body, &exchange) >= 0;
}

bool Connection::took(std::uint32_t events) {
  if (!up_) return establish(events);
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 && !receive()) return false;
  if (!flush()) return false;
  return nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
}

bool Connection::receive() {
  static std::vector<std::uint8_t> bytes(256 << 10);  // of whoever reads just now
  const ssize_t n = recv(socket_, bytes.data(), bytes.size(), 0);
  if (n == 0 || (n < 0 && errno != EAGAIN)) return false;
  if (quickack_) switch_on(socket_, TCP_QUICKACK);
  return n < 0 ||
         nghttp2_session_mem_recv(session_, bytes.data(), static_cast<std::size_t>(n)) >= 0;
}

bool Connection::flush() {
  while (true) {
    while (unsent_.size() - sent_ < unsent_enough) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t n = nghttp2_session_mem_send(session_, &bytes);
      if (n < 0) return false;
      if (n == 0) break;
      unsent_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
    }
    if (sent_ == unsent_.size()) {
      unsent_.clear();
      sent_ = 0;
      wait_for_room(false);
      return true;
    }
    const ssize_t n = ::send(socket_, unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return false;
    if (n < 0) {
      wait_for_room(true);
      return true;
    }
    sent_ += static_cast<std::size_t>(n);
  }
}

void Connection::wait_for_room(bool wait) {
  if (waits_for_room_ == wait) return;
  waits_for_room_ = wait;
  epoll_event event{.events = EPOLLIN | (wait ? std::uint32_t{EPOLLOUT} : 0u),
                    .data = {.ptr = this}};
  epoll_ctl(epoll_, EPOLL_CTL_MOD, socket_, &event);
}

void Connection::close() {
  if (socket_ >= 0) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, socket_, nullptr);
    ::close(socket_);
  }
  socket_ = -1;
  up_ = waits_for_room_ = false;
  unsent_.clear();
  sent_ = 0;
  if (session_ != nullptr) nghttp2_session_del(session_);
  session_ = nullptr;
}

}  // namespace bench
