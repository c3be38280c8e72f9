// net/sockets/address.h
//
// "host:port" as people write it, and as the kernel wants it.
//
//     127.0.0.1:8080     [::1]:8080     example.org:8080     :8080 (every interface)
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace perdure::net {

struct HostPort {
  std::string host;  // without brackets; "" for every interface
  std::uint16_t port = 0;
};
Result<HostPort> parse_host_port(std::string_view text);  // Error: invalid

class SocketAddress {
 public:
  SocketAddress() = default;
  // Of a literal IPv4 or IPv6 address; "" is every interface.  nullopt: it is a name.
  static std::optional<SocketAddress> literal(std::string_view host, std::uint16_t port);
  static SocketAddress of_socket(int fd);  // what it is bound to
  static SocketAddress of_peer(int fd);
  static SocketAddress from(const sockaddr& raw, socklen_t size);

  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  int family() const { return storage_.ss_family; }
  std::string host() const;  // "127.0.0.1", "::1"
  std::uint16_t port() const;
  std::string text() const;  // "127.0.0.1:8080", "[::1]:8080"

 private:
  sockaddr_storage storage_ = {};
  socklen_t size_ = 0;
};

}  // namespace perdure::net
