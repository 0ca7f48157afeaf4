/**
 * Method, path and query to a route. Paths are compared as sent: whatever would need decoding or normalising first
 * (`%2f`, `..`, `//`) is refused, so that nothing has two spellings. What the table does not have is refused.
 */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Action } from "../policy/action.ts";
import { DeploymentName } from "./deployment.ts";
import { type Operation, operations } from "./operation.ts";
import { type PathMethod, type PathRow, pathTable, type Served } from "./path-table.ts";
import { STORED_ID, type StoredOperation } from "./stored-operation.ts";

export type CallRoute =
  | {
      readonly kind: "classic";
      readonly operation: Operation;
      /** Null where the body's `model` names it. */
      readonly deployment: string | null;
      readonly apiVersion: string;
    }
  | { readonly kind: "v1"; readonly operation: Operation; readonly apiVersion: string | null };

export interface StoredRoute {
  readonly kind: "stored";
  readonly stored: StoredOperation;
  readonly id: string;
  readonly apiVersion: string | null;
}

export type Route = CallRoute | StoredRoute | { readonly kind: "models" };

/** A refusal, with what its record and its answer say of the request. */
export interface Unrouted {
  readonly refusal: Refusal;
  readonly action: Action | null;
  /** The row's path; null where none matched. */
  readonly pattern: string | null;
  /** Of 405: the methods that the path takes. */
  readonly allow: readonly string[];
}

const DATED_VERSION = /^\d{4}-\d{2}-\d{2}(?:-preview)?$/;
const v1Versions: ReadonlySet<string | null> = new Set([null, "v1", "preview"]);

/**
 * @param path the raw pathname.
 * @param apiVersion the query parameter or null.
 * @param isWebSocket whether the connection is to become one.
 */
export function routeOf(
  method: string,
  path: string,
  apiVersion: string | null,
  isWebSocket = false,
): Result<Route, Unrouted> {
  if (path.includes("%") || path.includes("//") || path.includes("\\"))
    return unrouted(refuse("path_invalid"));
  const matched = matchedRow(path);
  if (matched === null) return unrouted(refuse("route_unknown"));
  const { row, deployment, id } = matched;
  const pattern = row.path;
  const { methods } = row;
  const served =
    (isWebSocket ? methods.get("WEBSOCKET") : undefined) ??
    methods.get(method as PathMethod) ??
    methods.get("*"); // A map knows no other keys.
  if (served === undefined) {
    const allow = [...methods].flatMap(([name, { kind }]) => (kind === "unserved" ? [] : [name]));
    return unrouted(refuse("method_not_allowed"), { pattern, allow });
  }
  if (served.kind === "unserved") {
    const { code, action, message } = served;
    return unrouted(refuse(code, message === undefined ? {} : { message }), { pattern, action });
  }
  const action = actionOf(served);
  if (deployment !== null && !DeploymentName.safeParse(deployment).success)
    return unrouted(refuse("path_invalid", { field: "deployment" }), { pattern, action });
  if (id !== null && !STORED_ID.test(id))
    return unrouted(refuse("path_invalid", { field: "id" }), { pattern, action });
  const isVersion =
    row.form === "v1" ? v1Versions.has(apiVersion) : apiVersion !== null && DATED_VERSION.test(apiVersion);
  if (!isVersion)
    return unrouted(refuse("api_version_invalid", { field: "api-version" }), { pattern, action });
  switch (served.kind) {
    case "models":
      return ok({ kind: "models" });
    case "stored":
      return ok({ kind: "stored", stored: served.stored, id: id ?? "", apiVersion });
    case "call": {
      const { operation } = served;
      return row.form === "classic"
        ? ok({ kind: "classic", operation, deployment, apiVersion: apiVersion ?? "" })
        : ok({ kind: "v1", operation, apiVersion });
    }
  }
}

function actionOf(served: Exclude<Served, { kind: "unserved" }>): Action {
  switch (served.kind) {
    case "models":
      return "model_list";
    case "stored":
      return operations[served.stored.kind].action;
    case "call":
      return served.operation.action;
  }
}

const unrouted = (
  refusal: Refusal,
  { action = null, pattern = null, allow = [] }: Partial<Omit<Unrouted, "refusal">> = {},
): Result<never, Unrouted> => fail({ refusal, action, pattern, allow });

interface Match {
  readonly row: PathRow;
  readonly deployment: string | null;
  readonly id: string | null;
}

/** The row of a path, without placeholders before one with; a test holds that there is never a second one. */
export function matchedRow(path: string): Match | null {
  const exact = exactRows.get(path);
  if (exact !== undefined) return { row: exact, deployment: null, id: null };
  // Every call comes here, and model calls stand first: the rest need not be tried for them.
  for (const pattern of patterns) {
    const match = matchIn(pattern, path);
    if (match) return match;
  }
  return null;
}

/** Of the rows with placeholders, all that match. */
export const matchesOf = (path: string): readonly Match[] =>
  patterns.flatMap((pattern) => matchIn(pattern, path) ?? []);

interface Pattern {
  readonly row: PathRow;
  readonly expression: RegExp;
}

function matchIn({ row, expression }: Pattern, path: string): Match | null {
  const found = expression.exec(path);
  return found && { row, deployment: found.groups?.deployment ?? null, id: found.groups?.id ?? null };
}

const hasPlaceholder = ({ path }: PathRow): boolean => path.includes("{");

const exactRows: ReadonlyMap<string, PathRow> = new Map(
  pathTable.filter((row) => !hasPlaceholder(row)).map((row) => [row.path, row]),
);

const patterns: readonly Pattern[] = pathTable.filter(hasPlaceholder).map((row) => ({
  row,
  expression: new RegExp(
    `^${row.path.replace("/{rest}", "(?:/.*)?").replaceAll(/\{(deployment|id)\}/g, "(?<$1>[^/]+)")}$`,
  ),
}));
