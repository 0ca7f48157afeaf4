/** `/v1/deployments`: the model names callers use, and the backends behind them. Platform state. */
import type { Backend } from "../azure/backend.ts";
import { type Deployment, type DeploymentInput, DeploymentName } from "../azure/deployment.ts";
import { type IdMint, PLATFORM } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { PLATFORM_HOME } from "../residency/home.ts";
import { checkBackends } from "./check-backends.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { deploymentDescriptions } from "./deployment-descriptions.ts";
import { checkIfMatch } from "./if-match.ts";
import { type Operation, operation } from "./operation.ts";
import { notFound } from "./tenant-access.ts";
import { deletedAnswer, objectAnswer, writtenAnswer } from "./written-answer.ts";

const platform = { scope: PLATFORM, home: PLATFORM_HOME } as const;

export const deploymentOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(deploymentDescriptions.create, async ({ body, ...caller }) => {
    const refusal = checkBackends(body, deps);
    if (refusal !== null) return fail(refusal);
    const written = await deps.writer.write({
      ...platform,
      caller,
      async plan() {
        const existing = await deps.deployments.find(body.name);
        if (!existing.ok) return existing;
        if (existing.value !== null) return fail(refuse("already_exists", { field: "name" }));
        const deployment = withBackendIds(body, [], deps.ids);
        const statements = [deps.deployments.put(deployment, timestampOf(deps.clock()))];
        return ok({ statements, operation: "deployment.create", objectId: body.name, value: deployment });
      },
    });
    return writtenAnswer(201, written);
  }),
  operation(deploymentDescriptions.list, async ({ query }) => {
    const deployments = await deps.deployments.list(query);
    return deployments.ok ? ok({ status: 200, body: deployments.value }) : deployments;
  }),
  operation(deploymentDescriptions.get, async ({ param }) => {
    const found = await findDeployment(deps, param("name"));
    return objectAnswer(200, found);
  }),
  operation(deploymentDescriptions.replace, async ({ param, body, ifMatch, ...caller }) => {
    if (body.name !== param("name")) {
      return fail(refuse("meaningless", { field: "name", message: "A deployment's name is fixed." }));
    }
    const refusal = checkBackends(body, deps);
    if (refusal !== null) return fail(refusal);
    const written = await deps.writer.write({
      ...platform,
      caller,
      async plan() {
        const existing = await findDeployment(deps, body.name);
        if (!existing.ok) return existing;
        const unmet = await checkIfMatch(ifMatch, existing.value);
        if (unmet !== null) return fail(unmet);
        const deployment = withBackendIds(body, existing.value.backends, deps.ids);
        const statements = [deps.deployments.put(deployment, timestampOf(deps.clock()))];
        return ok({ statements, operation: "deployment.update", objectId: body.name, value: deployment });
      },
    });
    return writtenAnswer(200, written);
  }),
  operation(deploymentDescriptions.delete, async ({ param, ifMatch, ...caller }) => {
    const written = await deps.writer.write({
      ...platform,
      caller,
      async plan() {
        const existing = await findDeployment(deps, param("name"));
        if (!existing.ok) return existing;
        const unmet = await checkIfMatch(ifMatch, existing.value);
        if (unmet !== null) return fail(unmet);
        const { name } = existing.value;
        const statements = [deps.deployments.delete(name)];
        return ok({ statements, operation: "deployment.delete", objectId: name, value: null });
      },
    });
    return deletedAnswer(written);
  }),
];

export async function findDeployment(
  { deployments }: Pick<ControlPlaneDeps, "deployments">,
  text: string,
): Promise<Result<Deployment>> {
  const name = DeploymentName.safeParse(text);
  if (!name.success) return fail(notFound("deployment"));
  const found = await deployments.find(name.data);
  if (!found.ok) return found;
  return found.value === null ? fail(notFound("deployment")) : ok(found.value);
}

/** A backend keeps its id while it is the same Azure deployment: its health and its records carry the id. */
export function withBackendIds(
  input: DeploymentInput,
  existing: readonly Backend[],
  ids: Pick<IdMint, "backend">,
): Deployment {
  const left = [...existing];
  const backends = input.backends.map((backend): Backend => {
    const index = left.findIndex(
      ({ endpoint, azureDeployment }) =>
        endpoint === backend.endpoint && azureDeployment === backend.azureDeployment,
    );
    const [same] = index === -1 ? [] : left.splice(index, 1);
    return { ...backend, id: same?.id ?? ids.backend() };
  });
  return { ...input, backends };
}
