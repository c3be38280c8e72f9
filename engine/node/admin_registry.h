// engine/node/admin_registry.h
//
// admin's Registry, over control's.  A change is answered only when every shard of every node
// that is there has seen it, so that whoever registers a service may call it at once, wherever
// his next connection lands.
#pragma once

#include "engine/admin/admin.h"
#include "engine/control/registry.h"
#include "engine/node/cluster_state.h"
#include "engine/node/rpc.h"
#include "engine/node/schema_view.h"

namespace perdure::node {

class AdminRegistry final : public admin::Registry {
 public:
  AdminRegistry(io::World& world, control::Registry& registry, SchemaView& view, Rpc& rpc,
                ClusterState& state)
      : world_(world), registry_(registry), view_(view), rpc_(rpc), state_(state) {}

  admin::OrRefused<wire::Schema> current() override;
  admin::OrRefused<admin::Registered> add(admin::Registration) override;
  admin::OrRefused<wire::Schema> update(wire::DeploymentId, admin::DeploymentUpdate) override;
  admin::OrRefused<wire::Schema> remove(wire::DeploymentId) override;
  admin::OrRefused<wire::Schema> modify(std::string_view service,
                                        const admin::ServicePatch&) override;

 private:
  // Parks until all shards have seen that version, or a moment has passed: one that is
  // late sees it on its own.
  void spread(std::uint64_t version);
  admin::OrRefused<wire::Schema> spread(control::OrSchemaError<wire::Schema> changed);

  io::World& world_;
  control::Registry& registry_;
  SchemaView& view_;
  Rpc& rpc_;
  ClusterState& state_;
};

// Makes this shard answer AdminRegistry::spread().
void serve_schema_seen(io::World&, Rpc&, SchemaView&);

}  // namespace perdure::node
