/** Replayed decisions, counted: by agent and code where they change, by reason where nobody can tell. */
import * as z from "zod";
import type { DecisionRecord } from "./audit-record.ts";
import type { Replayed } from "./replay.ts";

export const ReplayGroup = z
  .strictObject({
    agentId: z.string().nullable(),
    code: z.string().meta({ description: "Why it would be denied, or was." }),
    count: z.int().min(1),
    samples: z.array(z.string()).meta({ description: "Decision ids, the newest first." }),
  })
  .meta({ id: "ReplayGroup" });
type ReplayGroup = z.infer<typeof ReplayGroup>;

export const ReplayCounts = z.strictObject({
  judged: z.int().min(0).meta({ description: "Decisions that were looked at." }),
  unchanged: z.int().min(0),
  unknown: z
    .strictObject({
      count: z.int().min(0),
      reasons: z.array(z.strictObject({ reason: z.string(), count: z.int().min(1) })),
    })
    .meta({
      description: "What records do not tell enough of to judge; one decision can have several reasons.",
    }),
  newlyDenied: z.array(ReplayGroup).meta({ description: "The largest first." }),
  newlyAllowed: z.array(ReplayGroup),
  groupsCut: z.int().min(0).meta({ description: "Groups of either that do not stand here." }),
});
export type ReplayCounts = z.infer<typeof ReplayCounts>;

const MAX_GROUPS = 200;
const MAX_SAMPLES = 5;

interface Group {
  agentId: string | null;
  code: string;
  count: number;
  samples: string[];
}

export interface ReplayTally {
  add(record: DecisionRecord, replayed: Replayed): void;
  counts(): ReplayCounts;
}

export function createReplayTally(): ReplayTally {
  let judged = 0;
  let unchanged = 0;
  let unknown = 0;
  const reasons = new Map<string, number>();
  const groups = { newly_denied: new Map<string, Group>(), newly_allowed: new Map<string, Group>() };

  function note(into: Map<string, Group>, code: string, { agentId, decisionId }: DecisionRecord): void {
    const name = `${agentId} ${code}`;
    const group = into.get(name) ?? { agentId, code, count: 0, samples: [] };
    into.set(name, group);
    group.count += 1;
    if (group.samples.length < MAX_SAMPLES) group.samples.push(decisionId);
  }

  return {
    add(record, replayed) {
      judged += 1;
      switch (replayed.kind) {
        case "unchanged":
          unchanged += 1;
          return;
        case "unknown":
          unknown += 1;
          for (const reason of replayed.reasons) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
          return;
        default:
          note(groups[replayed.kind], replayed.code, record);
      }
    },
    counts() {
      const newlyDenied = largestOf(groups.newly_denied);
      const newlyAllowed = largestOf(groups.newly_allowed);
      const told = newlyDenied.length + newlyAllowed.length;
      return {
        judged,
        unchanged,
        unknown: {
          count: unknown,
          reasons: [...reasons]
            .map(([reason, count]) => ({ reason, count }))
            .toSorted((left, right) => right.count - left.count),
        },
        newlyDenied,
        newlyAllowed,
        groupsCut: groups.newly_denied.size + groups.newly_allowed.size - told,
      };
    },
  };
}

const largestOf = (groups: ReadonlyMap<string, ReplayGroup>): ReplayGroup[] =>
  [...groups.values()].toSorted((left, right) => right.count - left.count).slice(0, MAX_GROUPS);
