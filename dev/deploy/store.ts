/** A store that the Worker is bound to: what it is called at Cloudflare, and where it must rest. */
import type { Jurisdiction } from "../../src/residency/home.ts";

export type StoreKind = "database" | "namespace" | "queue" | "bucket";

export interface Store {
  readonly kind: StoreKind;
  readonly name: string;
  /** Can only be chosen when the store is created; undefined = unrestricted. */
  readonly jurisdiction: Jurisdiction | undefined;
  readonly binding: string;
  /** What wrangler.toml says, if anything. Queues and buckets go by their names. */
  readonly id: string | undefined;
}

export interface ExistingStore {
  readonly kind: StoreKind;
  readonly name: string;
  readonly id?: string;
  /** null = known to be unrestricted; undefined = the listing does not say. */
  readonly jurisdiction: string | null | undefined;
}

export const storeWords: Readonly<Record<StoreKind, string>> = {
  database: "D1 database",
  namespace: "KV namespace",
  queue: "queue",
  bucket: "R2 bucket",
};

/** Buckets of one name can exist once per jurisdiction, so the jurisdiction is a part of their name. */
export const isNamed = (store: Store, existing: ExistingStore): boolean =>
  existing.kind === store.kind &&
  existing.name === store.name &&
  (store.kind !== "bucket" || (existing.jurisdiction ?? undefined) === store.jurisdiction);
