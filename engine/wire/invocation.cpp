#include "engine/wire/invocation.h"

namespace perdure::wire {

std::string_view name_of(ServiceType type) {
  switch (type) {
    case ServiceType::service: return "Service";
    case ServiceType::virtual_object: return "VirtualObject";
    case ServiceType::workflow: return "Workflow";
  }
  return "unknown";
}

std::string_view name_of(HandlerType type) {
  switch (type) {
    case HandlerType::plain: return "Plain";
    case HandlerType::exclusive: return "Exclusive";
    case HandlerType::shared: return "Shared";
    case HandlerType::workflow: return "Workflow";
  }
  return "unknown";
}

std::string Target::text() const {
  if (service_type == ServiceType::service) return service + "/" + handler;
  return service + "/" + key + "/" + handler;
}

}  // namespace perdure::wire
