// Functions of RocksDB and of the C library that stand in the way of one thread and one
// seed, replaced for the whole program: its own definitions come before those of shared
// libraries.  While no DiskEnv is entered on the calling thread, each hands on to what it
// replaces.  tests/sim/rocks_test.cpp sees that they really are replaced.
//
//     Random::GetTLSInstance       heights of skip lists, seeded by the thread's id
//     DBImpl::GenerateDbSessionId  names in files and cache keys, from the system's entropy
//     DBImpl::StartPeriodicTaskScheduler   the one thread that opening a database starts
//     pthread_cond_wait, _timedwait        waits of the library for its background jobs
#include <dlfcn.h>
#include <pthread.h>
#include <rocksdb/env.h>
#include <rocksdb/status.h>

#include <cerrno>
#include <string>

#include "engine/base/check.h"
#include "sim/rocks/disk_env.h"

namespace {

template <class Function>
Function* replaced(const char* name, const char* version = nullptr) {
  void* found = version != nullptr ? dlvsym(RTLD_NEXT, name, version) : nullptr;
  if (found == nullptr) found = dlsym(RTLD_NEXT, name);
  CHECK(found != nullptr);
  return reinterpret_cast<Function*>(found);
}

}  // namespace

void perdure::sim::link_replaced_symbols() {}

namespace rocksdb {

// The class of that name in the library, of which no header tells.
class DBImpl {
 public:
  static std::string GenerateDbSessionId(Env* env);
  Status StartPeriodicTaskScheduler();
};

std::string DBImpl::GenerateDbSessionId(Env* env) {
  if (auto* here = perdure::sim::DiskEnv::entered()) return here->next_session_id();
  static auto* const library =
      replaced<std::string(Env*)>("_ZN7rocksdb6DBImpl19GenerateDbSessionIdB5cxx11EPNS_3EnvE");
  return library(env);
}

Status DBImpl::StartPeriodicTaskScheduler() {
  if (perdure::sim::DiskEnv::entered() != nullptr) return Status::OK();
  // A member function that returns an object: its address is hidden first, then `this`.
  static auto* const library =
      replaced<Status(DBImpl*)>("_ZN7rocksdb6DBImpl26StartPeriodicTaskSchedulerEv");
  return library(this);
}

}  // namespace rocksdb

extern "C" {

void* perdure_sim_random_state() __asm__("_ZN7rocksdb6Random14GetTLSInstanceEv");
void* perdure_sim_random_state() {
  if (auto* here = perdure::sim::DiskEnv::entered()) return here->skiplist_seed();
  static auto* const library = replaced<void*()>("_ZN7rocksdb6Random14GetTLSInstanceEv");
  return library();
}

#ifndef __SANITIZE_THREAD__  // its runtime must see every wait

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  auto* here = perdure::sim::DiskEnv::entered();
  if (here == nullptr) {
    static auto* const library =
        replaced<int(pthread_cond_t*, pthread_mutex_t*)>("pthread_cond_wait", "GLIBC_2.3.2");
    return library(condition, mutex);
  }
  pthread_mutex_unlock(mutex);
  const bool somebody_will_wake_us = here->run_one();
  CHECK(somebody_will_wake_us);
  pthread_mutex_lock(mutex);
  return 0;
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* until) {
  auto* here = perdure::sim::DiskEnv::entered();
  if (here == nullptr) {
    static auto* const library = replaced<int(pthread_cond_t*, pthread_mutex_t*, const timespec*)>(
        "pthread_cond_timedwait", "GLIBC_2.3.2");
    return library(condition, mutex, until);
  }
  pthread_mutex_unlock(mutex);
  const bool ran = here->run_one();
  pthread_mutex_lock(mutex);
  return ran ? 0 : ETIMEDOUT;
}

#endif
}
