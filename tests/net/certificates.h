// tests/net/certificates.h
//
// An authority of a test, and the certificates that it signs, as PEM files in a folder.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <string>

#include "engine/base/check.h"
#include "net/tls/credentials.h"
#include "tests/net/temporary_folder.h"

namespace perdure::net {

class Authority {
 public:
  explicit Authority(std::string name) : name_(std::move(name)), key_(new_key()) {
    certificate_ = signed_one(name_, key_.get(), true, day);
    write_pem(ca_file(), [&](std::FILE* file) { ::PEM_write_X509(file, certificate_.get()); });
  }

  // Of a node; with a life that is negative it has ended.
  TlsFiles issue(const std::string& node, long seconds = day) {
    const Key key = new_key();
    const Certificate certificate = signed_one(node, key.get(), false, seconds);
    const TlsFiles files = {.cert = folder_.path() + "/" + node + ".pem",
                            .key = folder_.path() + "/" + node + ".key",
                            .ca = ca_file()};
    write_pem(files.cert, [&](std::FILE* file) { ::PEM_write_X509(file, certificate.get()); });
    write_pem(files.key, [&](std::FILE* file) {
      ::PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    return files;
  }
  std::string ca_file() const { return folder_.path() + "/ca.pem"; }

 private:
  static constexpr long day = 24 * 3600;

  struct FreeKey {
    void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
  };
  struct FreeCertificate {
    void operator()(X509* certificate) const { ::X509_free(certificate); }
  };
  using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
  using Certificate = std::unique_ptr<X509, FreeCertificate>;

  static Key new_key() {
    Key key(::EVP_EC_gen("P-256"));
    CHECK(key != nullptr);
    return key;
  }

  Certificate signed_one(const std::string& subject, EVP_PKEY* key, bool authority, long seconds) {
    Certificate made(::X509_new());
    ::X509_set_version(made.get(), 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(made.get()), ++serial_);
    ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), -2 * day);
    ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), seconds);
    ::X509_set_pubkey(made.get(), key);
    const auto name = [](X509_NAME* into, const std::string& text) {
      ::X509_NAME_add_entry_by_txt(into, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
    };
    name(::X509_get_subject_name(made.get()), subject);
    name(::X509_get_issuer_name(made.get()), name_);
    if (authority) {
      X509_EXTENSION* const is_ca =
          ::X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
      ::X509_add_ext(made.get(), is_ca, -1);
      ::X509_EXTENSION_free(is_ca);
    }
    const int size = ::X509_sign(made.get(), key_.get(), ::EVP_sha256());
    CHECK(size > 0);
    return made;
  }

  template <class Write>
  static void write_pem(const std::string& path, Write write) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    CHECK(file != nullptr);
    write(file);
    std::fclose(file);
  }

  const TemporaryFolder folder_;
  const std::string name_;
  const Key key_;
  Certificate certificate_;
  long serial_ = 0;
};

}  // namespace perdure::net
