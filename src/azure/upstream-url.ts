/**
 * Where a call goes at Azure. A classic call keeps its own api-version; a v1 call goes to the v1 surface unless the
 * backend is pinned to a dated version. The region of a backend cannot be read off this URL: the sku table decides.
 */
import type { Backend } from "./backend.ts";
import type { Operation } from "./operation.ts";

export interface Upstream {
  readonly url: string;
  /** `stream_options` exists from 2024-09-01-preview on. */
  readonly canReportUsage: boolean;
}

const FIRST_WITH_STREAM_OPTIONS = "2024-09-01";

const v1Versions: ReadonlySet<string> = new Set(["v1", "preview"]);

type Addressed = Pick<Backend, "endpoint" | "azureDeployment" | "apiVersion">;

/** @param apiVersion what the caller asked for: dated on classic paths, `v1`, `preview` or null on v1 paths. */
export function upstreamOf(backend: Addressed, operation: Operation, apiVersion: string | null): Upstream {
  const root = rootOf(backend);
  const version = versionOf(backend, apiVersion);
  if (v1Versions.has(version)) {
    const query = version === "preview" ? "?api-version=preview" : "";
    return { url: `${root}/openai/v1/${operation.name}${query}`, canReportUsage: true };
  }
  const path = operation.classic
    ? `deployments/${backend.azureDeployment}/${operation.name}`
    : operation.name;
  return {
    url: `${root}/openai/${path}?api-version=${version}`,
    canReportUsage: version.slice(0, 10) >= FIRST_WITH_STREAM_OPTIONS,
  };
}

/** Of a stored answer: classic paths to one never name a deployment. @param query what of the caller's passes. */
export function storedUrlOf(
  backend: Addressed,
  path: string,
  apiVersion: string | null,
  query: URLSearchParams,
): string {
  const version = versionOf(backend, apiVersion);
  const asked = new URLSearchParams(query);
  if (version !== "v1") asked.set("api-version", version);
  const surface = v1Versions.has(version) ? "openai/v1" : "openai";
  return `${rootOf(backend)}/${surface}/${path}${asked.size === 0 ? "" : `?${asked}`}`;
}

const rootOf = ({ endpoint }: Pick<Addressed, "endpoint">): string => endpoint.replace(/\/+$/, "");

function versionOf(backend: Pick<Addressed, "apiVersion">, apiVersion: string | null): string {
  const isPinned = !v1Versions.has(backend.apiVersion);
  const asked = apiVersion !== null && v1Versions.has(apiVersion) && isPinned ? null : apiVersion;
  return asked ?? backend.apiVersion;
}
