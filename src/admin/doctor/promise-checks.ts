/** Checks of promises: what tenants promise, against homes, against what backends can keep, and against where Workers run. */
import type { Backend } from "../../azure/backend.ts";
import { homes } from "../../residency/home.ts";
import { type Check, counted, type Found, named } from "./check.ts";
import type { Reading } from "./facts.ts";
import { type PromiseGroup, promiseGroupsOf } from "./promise-groups.ts";

/** What is not kept, or not used, by those that were looked at may be by the others. */
const isWhole = ({ rest, illegible }: Reading<unknown>): boolean => rest === null && illegible.length === 0;

/** The promises that none of these backends keeps. */
const unkept = (groups: readonly PromiseGroup[], backends: readonly Backend[]): readonly PromiseGroup[] =>
  groups.filter(({ isKeptBy }) => !backends.some(isKeptBy));

const deploymentsExist: Check = {
  id: "deployments",
  looksAt: "whether there is any deployment",
  well: "There are deployments.",
  needs: [],
  find: ({ deployments: { items, rest, illegible } }) =>
    items.length > 0 || rest !== null || illegible.length > 0
      ? []
      : [
          {
            severity: "note",
            subject: null,
            sentence: "There is no deployment yet, so no call can be relayed.",
            remedy: "Make one at `/v1/deployments`.",
          },
        ],
};

const tenantPromises: Check = {
  id: "tenant_promises",
  looksAt: "tenants whose residency promise no backend of any deployment keeps",
  well: "Every tenant's promise is kept by some backend.",
  needs: ["tenants", "deployments"],
  find({ tenants, deployments }) {
    const backends = deployments.items.flatMap((deployment) => deployment.backends);
    const groups = promiseGroupsOf(tenants.items);
    if (backends.length === 0) {
      const ids = groups.flatMap((group) => group.tenants);
      if (ids.length === 0 || !isWhole(deployments)) return [];
      const sentence = `There is no backend yet to keep the promise of ${counted(ids.length, "tenant")}: ${named(ids)}.`;
      const remedy = "Make a deployment at `/v1/deployments` with a backend whose sku and region keep it.";
      return [{ severity: "note", subject: null, sentence, remedy }];
    }
    return unkept(groups, backends).map(({ promise, tenants: ids }): Found => {
      const whose = `keeps the promise (${promise}) of ${counted(ids.length, "tenant")}`;
      return isWhole(deployments)
        ? {
            severity: "error",
            subject: promise,
            sentence: `No backend ${whose}, whose calls are all refused with \`residency_backend\`: ${named(ids)}.`,
            remedy:
              "Add a backend whose sku and region keep it, or change what is promised at `/v1/tenants`, if that is true.",
          }
        : {
            severity: "warning",
            subject: promise,
            sentence: `No backend that was looked at ${whose}: ${named(ids)}. Not all deployments were.`,
            remedy: "See that one of the others has a backend whose sku and region keep it.",
          };
    });
  },
};

const deploymentPromises: Check = {
  id: "deployment_promises",
  looksAt: "deployments that some tenants' promises rule out",
  well: "Every deployment can be called under every tenant's promise.",
  needs: ["tenants", "deployments"],
  find({ tenants, deployments }) {
    const groups = promiseGroupsOf(tenants.items);
    return deployments.items.flatMap(({ name, backends }): readonly Found[] => {
      const ruledOut = unkept(groups, backends).flatMap((group) => group.tenants);
      if (ruledOut.length === 0) return [];
      return [
        {
          severity: "note",
          subject: name,
          sentence: `No backend of ${name} keeps the promise of ${counted(ruledOut.length, "tenant")}: ${named(ruledOut)}.`,
          remedy: "Nothing, if they are not meant to call it; else add a backend that keeps their promise.",
        },
      ];
    });
  },
};

const backendSkus: Check = {
  id: "backend_skus",
  looksAt: "backends whose sku and region keep the promise of no tenant that makes one",
  well: "Every backend keeps the promise of some tenant, or no tenant makes one.",
  needs: ["tenants", "deployments"],
  find({ tenants, deployments }) {
    const groups = promiseGroupsOf(tenants.items);
    if (groups.length === 0) return [];
    const free = tenants.items.filter(({ residency }) => residency.zone === "none").length;
    return deployments.items.flatMap(({ name, backends }) =>
      backends
        .filter((backend) => !groups.some(({ isKeptBy }) => isKeptBy(backend)))
        .map(({ id, sku, region }): Found => {
          const kept = `Backend ${id} of ${name} is ${sku} in ${region}, which keeps no promise that a tenant makes`;
          if (!isWhole(tenants)) {
            const sentence = `${kept}, as far as tenants were looked at.`;
            return { severity: "note", subject: id, sentence, remedy: null };
          }
          return free > 0
            ? {
                severity: "note",
                subject: id,
                sentence: `${kept}; it serves only the ${counted(free, "tenant")} without one.`,
                remedy: null,
              }
            : {
                severity: "warning",
                subject: id,
                sentence: `${kept}, and every tenant makes one: it is never called.`,
                remedy: "Look at its sku and region, or remove it.",
              };
        }),
    );
  },
};

const tenantHomes: Check = {
  id: "tenant_homes",
  looksAt: "tenants that promise a zone and whose stores are not in its jurisdiction",
  well: "Every tenant that promises a zone has its stores there.",
  needs: ["tenants"],
  find({ tenants }) {
    const elsewhere = tenants.items.filter(
      ({ home, residency: { zone } }) => zone !== "none" && homes[home].jurisdiction !== zone,
    );
    const groups = Map.groupBy(elsewhere, ({ home, residency: { zone } }) => `${zone}, at home in ${home}`);
    return [...groups].map(([words, members]): Found => {
      const ids = members.map(({ id }) => id);
      return {
        severity: "warning",
        subject: ids.length === 1 ? (ids[0] ?? null) : words,
        sentence: `Of ${counted(ids.length, "tenant")} with a promise of ${words}, calls are processed in the zone, but policies, counters and records rest outside it: ${named(ids)}.`,
        remedy:
          "A home is fixed: make a tenant in the zone's home and move its agents there, if its records must rest in the zone too.",
      };
    });
  },
};

const regionalServices: Check = {
  id: "regional_services",
  looksAt: "a reminder, where tenants promise ingress within their zone: Regional Services must be on",
  well: "No tenant promises ingress within a zone, or this is a local runtime.",
  needs: ["tenants"],
  find({ isLocal, issuer, tenants }) {
    const promising = tenants.items.filter(
      ({ residency: { zone, ingress } }) => zone !== "none" && ingress === "zone",
    );
    if (isLocal || promising.length === 0) return [];
    const { hostname } = new URL(issuer);
    const zones = [...new Set(promising.map(({ residency }) => residency.zone))].sort();
    const who = `${counted(promising.length, "tenant promises", "tenants promise")} ingress within ${zones.join(" and ")} (${named(promising.map(({ id }) => id))})`;
    if (hostname.endsWith(".workers.dev")) {
      return [
        {
          severity: "warning",
          subject: hostname,
          sentence: `${who}, but Regional Services do not cover workers.dev: what arrives outside is decrypted there before it is refused.`,
          remedy:
            "Serve the gateway on a custom domain, switch Regional Services on for it, and set ISSUER to it.",
        },
      ];
    }
    return [
      {
        severity: "note",
        subject: hostname,
        sentence: `${who}. Whether Regional Services are on for ${hostname} cannot be seen from here: without them TLS ends wherever a caller comes in, and calls that run outside are refused with \`residency_colo\`.`,
        remedy: `See that Regional Services (Cloudflare's Data Localization Suite) pin ${hostname} to the zone: the region of its DNS record. They cover no queue consumer, no schedule and no call that the Worker makes, and a hostname has one region, so each zone needs one of its own.`,
      },
    ];
  },
};

export const promiseChecks: readonly Check[] = [
  deploymentsExist,
  tenantPromises,
  deploymentPromises,
  backendSkus,
  tenantHomes,
  regionalServices,
];
