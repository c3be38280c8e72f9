// tests/io/net_twin.h
//
// A shard of the real world: a loop on the thread of the test, sockets of the loopback,
// and a fresh folder below the system's temporary one.
#pragma once

#include <filesystem>
#include <string>

#include "net/disk/disk.h"
#include "net/loop/loop.h"
#include "net/loop/offload.h"
#include "net/objects/folder.h"
#include "net/peers/peers.h"
#include "net/random/random.h"
#include "net/sockets/names.h"
#include "net/sockets/sockets.h"
#include "tests/io/silent_trace.h"
#include "tests/io/twins.h"
#include "tests/net/temporary_folder.h"

namespace perdure::io {

class NetTwin : public Twin {
 public:
  NetTwin() {
    std::filesystem::create_directory(folder_.path() + "/disk");
    mesh_.shards.push_back(&peers_);
  }
  ~NetTwin() override {
    pool_.stop();
    syncs_pool_.stop();
  }

  Fibers& fibers() override { return loop_.scheduler; }
  Clock& clock() override { return loop_.clock; }
  Random& random() override { return random_; }
  Streams& streams() override { return streams_; }
  Names& names() override { return names_; }
  Disk& disk() override { return disk_; }
  Objects& objects() override { return objects_; }
  Peers& peers() override { return peers_; }
  void run(std::move_only_function<void()> body) override {
    loop_.scheduler.spawn_root("test", [this, body = std::move(body)]() mutable {
      body();
      loop_.stop();
    });
    loop_.run();
  }

 private:
  net::TemporaryFolder folder_;
  net::Pool pool_{"work", 2}, syncs_pool_{"sync", 1};
  net::Loop loop_;
  net::Offload work_{loop_, pool_}, syncs_{loop_, syncs_pool_};
  net::KernelRandom random_;
  net::Ports ports_;
  net::SystemNames names_{work_};
  net::SocketStreams streams_{loop_, names_, ports_};
  net::FolderDisk disk_{folder_.path() + "/disk", syncs_, work_};
  net::FolderObjects objects_{folder_.path() + "/bucket", work_, random_};
  net::Mesh mesh_;
  SilentTrace trace_;
  net::ShardPeers peers_{{.loop = loop_,
                          .streams = streams_,
                          .random = random_,
                          .trace = trace_,
                          .mesh = mesh_,
                          .self = {.node = NodeId(1), .shard = 0},
                          .secret = ""}};
};

inline std::unique_ptr<Twin> make_net_twin() { return std::make_unique<NetTwin>(); }

}  // namespace perdure::io
