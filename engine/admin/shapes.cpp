#include "engine/admin/shapes.h"

namespace perdure::admin {
namespace {

constexpr Shape all[] = {
    {"ClusterHealthResponse",
     "cluster_name! text, metadata_cluster_health? EmbeddedMetadataClusterHealth"},
    {"DeletionMode", "Cancel | Kill | Purge"},
    {"DeploymentResponse",
     "id! text, uri! text, protocol_type! ProtocolType, http_version! text, "
     "additional_headers? {text}, metadata? {text}, created_at! text, "
     "min_protocol_version! number, max_protocol_version! number, sdk_version? text, "
     "services! [ServiceNameRevPair]"},
    {"DetailedDeploymentResponse",
     "id! text, uri! text, protocol_type! ProtocolType, http_version! text, "
     "additional_headers? {text}, metadata? {text}, created_at! text, "
     "min_protocol_version! number, max_protocol_version! number, sdk_version? text, "
     "services! [ServiceMetadata]"},
    {"EmbeddedMetadataClusterHealth", "members! [number]"},
    {"ErrorDescriptionResponse", "message! text, restate_code? text"},
    {"HandlerMetadata",
     "name! text, ty? HandlerType, documentation? text, metadata? {text}, "
     "idempotency_retention? text, workflow_completion_retention? text, journal_retention? text, "
     "inactivity_timeout? text, abort_timeout? text, enable_lazy_state? bool, public? bool, "
     "input_description! text, output_description! text, input_json_schema? any, "
     "output_json_schema? any, retry_policy? RetryPolicyMetadata"},
    {"HandlerType", "Exclusive | Shared | Workflow"},
    {"ListDeploymentsResponse", "deployments! [DeploymentResponse]"},
    {"ListServiceHandlersResponse", "handlers! [HandlerMetadata]"},
    {"ListServicesResponse", "services! [ServiceMetadata]"},
    {"ModifyServiceRequest",
     "public? bool, idempotency_retention? text, workflow_completion_retention? text, "
     "journal_retention? text, inactivity_timeout? text, abort_timeout? text"},
    {"ModifyServiceStateRequest", "object_key! text, new_state! {[number]}, version? text"},
    {"OnMaxAttempts", "Pause | Kill"},
    {"ProtocolType", "RequestResponse | BidiStream"},
    {"RegisterDeploymentRequest",
     "uri! text, use_http_11? bool, additional_headers? {text}, metadata? {text}, force? bool, "
     "breaking? bool, dry_run? bool"},
    {"RegisterDeploymentResponse",
     "id! text, services! [ServiceMetadata], min_protocol_version! number, "
     "max_protocol_version! number, sdk_version? text"},
    {"RestartAsNewInvocationResponse", "new_invocation_id! text"},
    {"RetryPolicyMetadata",
     "initial_interval? text, exponentiation_factor? number, max_attempts? number, "
     "max_interval? text, on_max_attempts? OnMaxAttempts"},
    {"ServiceMetadata",
     "name! text, ty! ServiceType, handlers! [HandlerMetadata], documentation? text, "
     "metadata? {text}, deployment_id! text, revision! number, public? bool, "
     "idempotency_retention? text, workflow_completion_retention? text, journal_retention? text, "
     "inactivity_timeout? text, abort_timeout? text, enable_lazy_state? bool, "
     "retry_policy? RetryPolicyMetadata"},
    {"ServiceNameRevPair", "name! text, revision! number"},
    {"ServiceType", "Service | VirtualObject | Workflow"},
    {"UpdateDeploymentRequest",
     "uri? text, use_http_11? bool, additional_headers? {text}, overwrite? bool, dry_run? bool"},
    {"VersionInformation",
     "version! text, min_admin_api_version! number, max_admin_api_version! number, "
     "ingress_endpoint? text, features! {bool}"},
};

}  // namespace

std::span<const Shape> shapes() { return all; }

}  // namespace perdure::admin
