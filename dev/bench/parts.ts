/** The parts that the breakdown leaves out one after the other: each level leaves out one more. */
export const parts = ["records", "settle", "reserve", "verification", "timers"] as const;
export type Part = (typeof parts)[number];

export const WITHOUT_HEADER = "bench-without";

/** After the parts: a Worker that only reads, parses and writes both bodies. */
export const BODIES_ONLY_LEVEL: number = parts.length + 1;

export const partNames: Readonly<Record<Part, string>> = {
  records: "records: queue, consumer, audit log in D1",
  settle: "settle: second ledger call",
  reserve: "reserve: first ledger call",
  verification: "token, verified before: looked up and judged",
  timers: "time limits of the relay",
};
