/**
 * The surface as one table: every path of Azure OpenAI that the gateway knows, and what each of its methods is. In a
 * path `{deployment}` and `{id}` stand for one segment, and `{rest}` at its end for any number of them. A path without
 * placeholders comes before one with; beyond that no two rows match one path, which a test holds. What is known and not
 * served stands in it too, because "not yet" is another answer than "unknown".
 */
import type { RefusalCode } from "../kernel/refusal.ts";
import type { Action } from "../policy/action.ts";
import { type Operation, operations } from "./operation.ts";
import { type StoredOperation, storedOperations } from "./stored-operation.ts";

export type Served =
  | { readonly kind: "call"; readonly operation: Operation }
  | { readonly kind: "models" }
  | { readonly kind: "stored"; readonly stored: StoredOperation }
  | {
      readonly kind: "unserved";
      readonly code: RefusalCode;
      /** In the words of policies; null where they have none. */
      readonly action: Action | null;
      /** Instead of the code's own sentence. */
      readonly message?: string;
    };

/** A websocket is asked for by a GET, and is another thing than what a GET reads. */
export type PathMethod = "GET" | "POST" | "DELETE" | "WEBSOCKET" | "*";

export interface PathRow {
  /** Which of Azure's two surfaces it belongs to: the one with dated versions, or `/openai/v1`. */
  readonly form: "classic" | "v1";
  readonly path: string;
  /** `*`: all that are not named. */
  readonly methods: ReadonlyMap<PathMethod, Served>;
}

type Entry = readonly [method: PathMethod, form: PathRow["form"], path: string, served: Served];

const roots = { classic: "/openai/", v1: "/openai/v1/" } as const;
const forms = ["classic", "v1"] as const;
const inBothForms = (method: PathMethod, path: string, served: Served): readonly Entry[] =>
  forms.map((form) => [method, form, `${roots[form]}${path}`, served]);

/**
 * Operations with a classic path that does not name the deployment: the body does. The official package for JavaScript
 * sent edits so before version 7.
 */
export const namedInBody: ReadonlySet<Operation["name"]> = new Set<Operation["name"]>([
  "responses",
  "images/edits",
]);

const calls: readonly Entry[] = Object.values(operations).flatMap((operation): readonly Entry[] => {
  const { name, classic, v1 } = operation;
  const served: Served = { kind: "call", operation };
  return [
    ...(classic ? [["POST", "classic", `/openai/deployments/{deployment}/${name}`, served] as const] : []),
    ...(namedInBody.has(name) ? [["POST", "classic", `/openai/${name}`, served] as const] : []),
    ...(v1 ? [["POST", "v1", `/openai/v1/${name}`, served] as const] : []),
  ];
});

const stored: readonly Entry[] = storedOperations.flatMap((one) =>
  inBothForms(one.method, one.path, { kind: "stored", stored: one }),
);

const unserved = (code: RefusalCode, action: Action | null = null, message?: string): Served => ({
  kind: "unserved",
  code,
  action,
  ...(message === undefined ? {} : { message }),
});
const unservedYet = unserved("operation_not_served");
const batches = unserved("batches_not_served", "batch");
const realtime = unserved("realtime_not_served", "realtime");
const listOfAll = unserved(
  "operation_not_served",
  "chat",
  "A list of all stored answers at Azure would show those of others; this gateway serves none.",
);

const families: readonly (readonly [name: string, served: Served])[] = [
  ["files", unserved("files_not_served", "file")],
  ["uploads", unserved("files_not_served", "file")],
  ["batches", batches],
  ["realtime", realtime],
  ["assistants", unservedYet],
  ["threads", unservedYet],
  ["vector_stores", unservedYet],
  ["fine_tuning", unservedYet],
  ["evals", unservedYet],
  ["conversations", unservedYet],
  ["containers", unservedYet],
];

const refused: readonly Entry[] = [
  ...families.flatMap(([name, served]) => inBothForms("*", `${name}/{rest}`, served)),
  // The JavaScript SDK adds the deployment to this one as well.
  ["*", "classic", "/openai/deployments/{deployment}/batches/{rest}", batches],
  // A single one: its list says whether it is there.
  ...inBothForms("*", "models/{rest}", unservedYet),
  ...inBothForms("WEBSOCKET", "responses", realtime),
  ...inBothForms("*", "responses/compact", unservedYet),
  ...inBothForms("*", "responses/input_tokens", unservedYet),
  ["GET", "v1", "/openai/v1/chat/completions", listOfAll],
  ["*", "classic", "/openai/chat/completions", listOfAll],
  // Notes on a stored completion are changed by it.
  ...inBothForms("POST", "chat/completions/{id}", unservedYet),
];

const entries: readonly Entry[] = [
  ...calls,
  ...inBothForms("GET", "models", { kind: "models" }),
  ...stored,
  ...refused,
];

export const pathTable: readonly PathRow[] = [...Map.groupBy(entries, ([, , path]) => path)].map(
  ([path, ofPath]) => ({
    form: ofPath[0]?.[1] ?? "v1",
    path,
    methods: new Map(ofPath.map(([method, , , served]) => [method, served])),
  }),
);
