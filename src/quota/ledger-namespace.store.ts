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

/** A new stub each time: after an error the old one is of no more use. */
export function ledgerStub<T extends Rpc.DurableObjectBranded>(
  namespace: DurableObjectNamespace<T>,
  home: Home,
  name: string,
): DurableObjectStub<T> {
  if (isLocalRuntime(namespace)) return namespace.getByName(`${home}/${name}`);
  const { jurisdiction } = homes[home];
  return (jurisdiction === undefined ? namespace : namespace.jurisdiction(jurisdiction)).getByName(name);
}
