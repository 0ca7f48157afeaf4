/**
 * What can be done with an answer that Azure keeps, as data: read, list what it was made of, cancel, delete. Listing all
 * of them is not here: Azure's lists show what every holder of the resource's key has stored.
 */
import type { OperationName } from "./operation.ts";

export type StoredKind = "responses" | "chat/completions";

/** The most that a path names an id by: letters of any alphabet but these would need decoding. */
export const STORED_ID = /^[A-Za-z0-9_-]{1,128}$/;

export interface StoredOperation {
  /** Of the call that made it. */
  readonly kind: StoredKind & OperationName;
  readonly method: "GET" | "POST" | "DELETE";
  /** Below `/openai/` and `/openai/v1/`. */
  readonly path: string;
  /** Query parameters that pass; any other is refused. */
  readonly query: readonly string[];
  /** Whether Azure forgets it. */
  readonly deletes: boolean;
}

const page = ["after", "limit", "order"];
const include = ["include", "include[]"];

export const storedOperations: readonly StoredOperation[] = [
  {
    kind: "responses",
    method: "GET",
    path: "responses/{id}",
    query: [...include, "stream", "starting_after", "include_obfuscation"],
    deletes: false,
  },
  { kind: "responses", method: "DELETE", path: "responses/{id}", query: [], deletes: true },
  { kind: "responses", method: "POST", path: "responses/{id}/cancel", query: [], deletes: false },
  {
    kind: "responses",
    method: "GET",
    path: "responses/{id}/input_items",
    query: [...include, ...page, "before"],
    deletes: false,
  },
  { kind: "chat/completions", method: "GET", path: "chat/completions/{id}", query: [], deletes: false },
  { kind: "chat/completions", method: "DELETE", path: "chat/completions/{id}", query: [], deletes: true },
  {
    kind: "chat/completions",
    method: "GET",
    path: "chat/completions/{id}/messages",
    query: page,
    deletes: false,
  },
];
