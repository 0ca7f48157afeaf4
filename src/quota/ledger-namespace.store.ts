/**
 * The one file that owns jurisdiction. Deployed, a ledger lives in its home's jurisdiction; workerd does not implement
 * those, so locally the home is part of the name. "Local" is exactly that the probe throws "not implemented", so what
 * is relaxed locally cannot be switched on when deployed.
 */
import { type Home, homes, type Jurisdiction } from "../residency/home.ts";

const probed = new WeakMap<object, boolean>();

function probe<T extends Rpc.DurableObjectBranded>(namespace: DurableObjectNamespace<T>): boolean {
  try {
    namespace.jurisdiction("eu");
    return false;
  } catch (error) {
    // Any other failure is not an answer; taking it for "local" would leave the jurisdiction.
    if (error instanceof Error && error.message.includes("not implemented")) return true;
    throw error;
  }
}

export function isLocalRuntime<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
): boolean {
  const known = probed.get(namespace);
  if (known !== undefined) return known;
  const local = probe(namespace);
  probed.set(namespace, local);
  return local;
}

/** Whether ledgers can be made in a jurisdiction. Nothing is made: an id is only computed. */
export function askJurisdiction<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  jurisdiction: Jurisdiction,
): "given" | "not_implemented" | "refused" {
  try {
    if (isLocalRuntime(namespace)) return "not_implemented";
    namespace.jurisdiction(jurisdiction).idFromName("doctor");
    return "given";
  } catch {
    return "refused";
  }
}

/** Making an id hashes its name; callers choose tenants, so what is remembered is bounded. */
const MAX_IDS = 10_000;
const idsOf = new WeakMap<object, Map<string, DurableObjectId>>();

function inHome<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  home: Home,
): DurableObjectNamespace<T> {
  if (isLocalRuntime(namespace)) return namespace;
  const { jurisdiction } = homes[home];
  return jurisdiction === undefined ? namespace : namespace.jurisdiction(jurisdiction);
}

/** A new stub each time: after an error the old one is of no more use. */
export function ledgerStub<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  home: Home,
  name: string,
): DurableObjectStub<T> {
  const place = inHome(namespace, home);
  const ids = idsOf.get(namespace) ?? new Map<string, DurableObjectId>();
  idsOf.set(namespace, ids);
  const key = `${home}/${name}`;
  const known = ids.get(key);
  if (known !== undefined) return place.get(known);
  if (ids.size >= MAX_IDS) ids.clear();
  const id = place.idFromName(isLocalRuntime(namespace) ? key : name);
  ids.set(key, id);
  return place.get(id);
}
