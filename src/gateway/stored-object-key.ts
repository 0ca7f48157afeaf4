/** The name of a stored answer in ledgers and records. Ids of Azure's are random, so the digest tells nothing of one. */
import type { OperationName } from "../azure/operation.ts";
import { sha256Hex } from "../kernel/digest.ts";
import type { StoredObjectKey } from "../quota/stored-object-contracts.ts";

/** @param kind the operation that made it: two kinds of objects may have the same id. */
export const storedObjectKey = (kind: OperationName, id: string): Promise<StoredObjectKey> =>
  sha256Hex(`${kind}/${id}`);
