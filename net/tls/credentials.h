// net/tls/credentials.h
//
// What a node shows to others and asks of them: a certificate with its key, and the
// authority (CA) that must have signed theirs.  TLS 1.3, both sides show a certificate,
// and nothing else will do.
//
// Names in certificates are not looked at: whoever has a certificate of the CA belongs to
// the cluster.  So the CA is to be the cluster's own, and none that signs for others.
//
// Files are read once; what they say later counts from the next start.  Any thread may
// use the same Credentials.
#pragma once

#include <memory>
#include <string>

#include "engine/base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace perdure::net {

// PEM files.  All three, or none: no TLS.
struct TlsFiles {
  std::string cert;  // of this node, and what lies between it and the CA
  std::string key;   // its private key
  std::string ca;
};

enum class TlsSide { dials, accepts };

// One end of one conversation: OpenSSL's SSL.
struct EndSession {
  void operator()(ssl_st* session) const;
};
using TlsSession = std::unique_ptr<ssl_st, EndSession>;

class Credentials {
 public:
  // nullptr where no file is named.  Errors: invalid (some named, some not; a file is
  // unfit, or does not go with the others), failed (cannot be read).
  static Result<std::shared_ptr<const Credentials>> load(const TlsFiles& files);

  TlsSession session(TlsSide side) const;

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  using Context = std::unique_ptr<ssl_ctx_st, Free>;
  explicit Credentials(Context context) : context_(std::move(context)) {}

  const Context context_;
};

// Why OpenSSL's last call of this thread failed, for people; forgets it.
std::string tls_error();

}  // namespace perdure::net
