/**
 * Path and query to a route. Paths are compared as sent: whatever would need decoding or normalising first
 * (`%2f`, `..`, `//`) is refused, so that no deployment has two spellings.
 */
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { DeploymentName } from "./deployment.ts";
import { type Operation, type OperationName, operations } from "./operation.ts";

export type Route =
  | {
      readonly kind: "classic";
      readonly operation: Operation;
      /** Null where the body's `model` names it. */
      readonly deployment: string | null;
      readonly apiVersion: string;
    }
  | { readonly kind: "v1"; readonly operation: Operation; readonly apiVersion: string | null }
  | { readonly kind: "models" };

const DATED_VERSION = /^\d{4}-\d{2}-\d{2}(?:-preview)?$/;
const CLASSIC = /^\/openai\/deployments\/([^/]+)\/(.+)$/;
const V1 = /^\/openai\/v1\/(.+)$/;

/** Classic paths without a deployment in them. The official package for JavaScript sent edits so before version 7. */
const withoutDeployment: Readonly<Record<string, Operation>> = {
  "/openai/responses": operations.responses,
  "/openai/images/edits": operations["images/edits"],
};

const operationAt = (name: string): Operation | undefined =>
  Object.hasOwn(operations, name) ? operations[name as OperationName] : undefined; // Own keys are exactly the names.

/** @param path the raw pathname, @param apiVersion the query parameter or null. */
export function routeOf(method: string, path: string, apiVersion: string | null): Result<Route> {
  if (path.includes("%") || path.includes("//") || path.includes("\\")) return fail(refuse("path_invalid"));

  const unnamed = withoutDeployment[path];
  if (unnamed) return classicCall(method, unnamed, null, apiVersion);
  const classic = CLASSIC.exec(path);
  if (classic) {
    const [, deployment = "", name = ""] = classic;
    const operation = operationAt(name);
    return operation?.classic
      ? classicCall(method, operation, deployment, apiVersion)
      : fail(refuse("route_unknown"));
  }

  const v1 = V1.exec(path);
  if (!v1) return fail(refuse("route_unknown"));
  if (apiVersion !== null && apiVersion !== "v1" && apiVersion !== "preview") {
    return fail(refuse("api_version_invalid", { field: "api-version" }));
  }
  if (v1[1] === "models")
    return method === "GET" ? ok({ kind: "models" }) : fail(refuse("method_not_allowed"));
  const operation = operationAt(v1[1] ?? "");
  if (!operation?.v1) return fail(refuse("route_unknown"));
  return method === "POST" ? ok({ kind: "v1", operation, apiVersion }) : fail(refuse("method_not_allowed"));
}

function classicCall(
  method: string,
  operation: Operation,
  deployment: string | null,
  apiVersion: string | null,
): Result<Route> {
  if (method !== "POST") return fail(refuse("method_not_allowed"));
  if (deployment !== null && !DeploymentName.safeParse(deployment).success) {
    return fail(refuse("path_invalid", { field: "deployment" }));
  }
  if (apiVersion === null || !DATED_VERSION.test(apiVersion)) {
    return fail(refuse("api_version_invalid", { field: "api-version" }));
  }
  return ok({ kind: "classic", operation, deployment, apiVersion });
}
