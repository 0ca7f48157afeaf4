/**
 * `/v1/keys/signing`: which keys sign tokens, and whose tokens are still good. Their states are platform state, and a
 * withdrawal is written like a policy of the platform, so it is effective once it has answered (guarantee G3).
 */
import { KeyId } from "../capability/key-states.ts";
import { type SigningKeySet, signingKeySet } from "../capability/signing-key-view.ts";
import { PLATFORM } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { PLATFORM_HOME } from "../residency/home.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { type KeyChange, planKill, planRotation } from "./key-rotation.ts";
import { notedKeyRecords } from "./noted-key-records.ts";
import { type Answer, type Operation, operation } from "./operation.ts";
import type { Change, Written } from "./revisioned-write.store.ts";
import { signingKeyDescriptions } from "./signing-key-descriptions.ts";
import { notFound } from "./tenant-access.ts";

const platform = { scope: PLATFORM, home: PLATFORM_HOME } as const;

export const signingKeyOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(signingKeyDescriptions.list, async () => {
    const keys = await currentSet(deps);
    return keys.ok ? ok({ status: 200, body: keys.value }) : keys;
  }),
  operation(signingKeyDescriptions.get, async ({ param }) => {
    const keys = await currentSet(deps);
    if (!keys.ok) return keys;
    const key = keys.value.keys.find(({ keyId }) => keyId === param("keyId"));
    return key === undefined ? fail(notFound("signing key")) : ok({ status: 200, body: key });
  }),
  operation(signingKeyDescriptions.rotate, async ({ body, ...caller }) => {
    const written = await deps.writer.write({
      ...platform,
      caller,
      async plan() {
        const records = await notedKeyRecords(deps);
        if (!records.ok) return records;
        const change = planRotation(deps.keyRing, records.value, body, deps.clock());
        return change.ok ? ok(changeOf(deps, change.value, "signing_key.rotate", body.forceReason)) : change;
      },
    });
    return writtenSet(written);
  }),
  operation(signingKeyDescriptions.kill, async ({ param, body: { reason }, ...caller }) => {
    const keyId = KeyId.safeParse(param("keyId"));
    if (!keyId.success) return fail(notFound("signing key"));
    const written = await deps.writer.write({
      ...platform,
      caller,
      async plan() {
        const records = await deps.signingKeys.all();
        if (!records.ok) return records;
        // Written again where it was killed before: an earlier answer may have been lost before leases ran out.
        const change = planKill(deps.keyRing, records.value, keyId.data, reason, deps.clock());
        return change === null
          ? fail(notFound("signing key"))
          : ok(changeOf(deps, change, "signing_key.kill", reason));
      },
    });
    return writtenSet(written);
  }),
];

async function currentSet(deps: ControlPlaneDeps): Promise<Result<SigningKeySet>> {
  const records = await notedKeyRecords(deps);
  return records.ok ? ok(signingKeySet(deps.keyRing, records.value, deps.clock())) : records;
}

/** Without an entity tag: states only go forward, so a promotion that was meant for older ones is refused by its key's. */
const writtenSet = (written: Result<Written<SigningKeySet>>): Result<Answer> =>
  written.ok
    ? ok({
        status: 200,
        body: { ...written.value.value, revision: written.value.revision },
        revision: written.value.revision,
      })
    : written;

const changeOf = (
  { signingKeys, keyRing, clock }: Pick<ControlPlaneDeps, "signingKeys" | "keyRing" | "clock">,
  { keyId, changed, after }: KeyChange,
  operation: string,
  reason: string | undefined,
): Change<SigningKeySet> => ({
  statements: changed.map((record) => signingKeys.put(record)),
  operation,
  objectId: keyId,
  ...(reason === undefined ? {} : { reason }),
  value: signingKeySet(keyRing, after, clock()),
});
