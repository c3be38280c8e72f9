#include "net/tls/credentials.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "engine/base/check.h"

namespace perdure::net {
namespace {

Result<void> readable(const char* option, const std::string& file) {
  if (::access(file.c_str(), R_OK) == 0) return {};
  return fail(Code::failed, std::string(option) + ": cannot read '" + file + "'");
}

std::unexpected<Error> unfit(const char* option, const std::string& file) {
  return fail(Code::invalid, std::string(option) + ": '" + file + "': " + tls_error());
}

}  // namespace

std::string tls_error() {
  const unsigned long error = ::ERR_peek_last_error();
  ::ERR_clear_error();
  const char* const reason = ::ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown trouble";
}

void EndSession::operator()(ssl_st* session) const { ::SSL_free(session); }

void Credentials::Free::operator()(ssl_ctx_st* context) const { ::SSL_CTX_free(context); }

Result<std::shared_ptr<const Credentials>> Credentials::load(const TlsFiles& files) {
  if (files.cert.empty() && files.key.empty() && files.ca.empty()) return nullptr;
  if (files.cert.empty() || files.key.empty() || files.ca.empty()) {
    return fail(Code::invalid, "--tls-cert, --tls-key and --tls-ca go together: all, or none");
  }
  TRY_VOID(readable("--tls-cert", files.cert));
  TRY_VOID(readable("--tls-key", files.key));
  TRY_VOID(readable("--tls-ca", files.ca));

  Context context(::SSL_CTX_new(::TLS_method()));
  CHECK(context != nullptr);
  SSL_CTX* const raw = context.get();
  ::SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION);
  ::SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // A resumed session would outlive the certificate that it was made with.
  ::SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(raw, 0);
  ::SSL_CTX_set_mode(raw, SSL_MODE_NO_AUTO_CHAIN);  // what is in the file, and no more
  ::SSL_CTX_set_read_ahead(raw, 1);                 // one recv for many small records

  // A key under a passphrase is refused: there is nobody to ask.
  ::SSL_CTX_set_default_passwd_cb(raw, [](char*, int, int, void*) { return -1; });

  ::ERR_clear_error();
  if (::SSL_CTX_use_certificate_chain_file(raw, files.cert.c_str()) != 1) {
    return unfit("--tls-cert", files.cert);
  }
  if (::SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      ::SSL_CTX_check_private_key(raw) != 1) {
    return unfit("--tls-key", files.key);
  }
  if (::SSL_CTX_load_verify_locations(raw, files.ca.c_str(), nullptr) != 1) {
    return unfit("--tls-ca", files.ca);
  }
  return std::shared_ptr<const Credentials>(new Credentials(std::move(context)));
}

TlsSession Credentials::session(TlsSide side) const {
  TlsSession session(::SSL_new(context_.get()));
  CHECK(session != nullptr);
  if (side == TlsSide::dials) {
    ::SSL_set_connect_state(session.get());
  } else {
    ::SSL_set_accept_state(session.get());
  }
  return session;
}

}  // namespace perdure::net
