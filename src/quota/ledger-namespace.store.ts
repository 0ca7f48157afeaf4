/**
 * The one file that owns jurisdiction. Deployed, a ledger lives in its home's jurisdiction; workerd does not implement
 * those, so locally the home is part of the name. "Local" is exactly that the probe throws "not implemented", so what
 * is relaxed locally cannot be switched on when deployed.
 */
import { type Home, homes } from "../residency/home.ts";

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

/** Making an id hashes its name; callers choose tenants, so what is remembered is bounded. */
const MAX_IDS = 10_000;
const idsOf = new WeakMap<object, Map<string, DurableObjectId>>();

function idNamed<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  home: Home,
  name: string,
): DurableObjectId {
  const ids = idsOf.get(namespace) ?? new Map<string, DurableObjectId>();
  idsOf.set(namespace, ids);
  const key = `${home}/${name}`;
  const known = ids.get(key);
  if (known !== undefined) return known;
  if (ids.size >= MAX_IDS) ids.clear();
  const id = (isLocalRuntime(namespace) ? namespace : inJurisdiction(namespace, home)).idFromName(
    isLocalRuntime(namespace) ? key : name,
  );
  ids.set(key, id);
  return id;
}

function inJurisdiction<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  home: Home,
): DurableObjectNamespace<T> {
  const { jurisdiction } = homes[home];
  return jurisdiction === undefined ? namespace : namespace.jurisdiction(jurisdiction);
}

/** A new stub each time: after an error the old one is of no more use. */
export function ledgerStub<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  home: Home,
  name: string,
): DurableObjectStub<T> {
  const id = idNamed(namespace, home, name);
  return (isLocalRuntime(namespace) ? namespace : inJurisdiction(namespace, home)).get(id);
}
