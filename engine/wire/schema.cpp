#include "engine/wire/schema.h"

#include <algorithm>

namespace perdure::wire {
namespace {

template <class Found, class List, class Key, class Projection>
const Found* find_in(const List& list, const Key& key, Projection projection) {
  const auto found = std::ranges::find(list, key, projection);
  return found == list.end() ? nullptr : &*found;
}

void override_by(EffectiveOptions& options, const HandlerOptions& said) {
  const auto take = [](auto& into, const auto& from) {
    if (from) into = *from;
  };
  take(options.inactivity_timeout, said.inactivity_timeout);
  take(options.abort_timeout, said.abort_timeout);
  take(options.journal_retention, said.journal_retention);
  take(options.idempotency_retention, said.idempotency_retention);
  take(options.workflow_completion_retention, said.workflow_completion_retention);
  take(options.enable_lazy_state, said.enable_lazy_state);
  take(options.ingress_private, said.ingress_private);
  take(options.retry_initial_interval, said.retry_initial_interval);
  take(options.retry_max_interval, said.retry_max_interval);
  take(options.retry_max_attempts, said.retry_max_attempts);
  take(options.retry_factor_milli, said.retry_factor_milli);
  take(options.retry_on_max_attempts, said.retry_on_max_attempts);
}

}  // namespace

const Service* Schema::find_service(std::string_view name) const {
  return find_in<Service>(services, name, &Service::name);
}

const Deployment* Schema::find_deployment(DeploymentId id) const {
  return find_in<Deployment>(deployments, id, &Deployment::id);
}

const Handler* find_handler(const Service& service, std::string_view name) {
  return find_in<Handler>(service.handlers, name, &Handler::name);
}

EffectiveOptions effective(const Service& service, const Handler& handler,
                           EffectiveOptions defaults) {
  override_by(defaults, service.options);
  override_by(defaults, handler.options);
  return defaults;
}

}  // namespace perdure::wire

WIRE_CODEC_HERE(perdure::wire::Schema);
