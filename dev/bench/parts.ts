/** The parts that the breakdown leaves out one after the other: each level leaves out one more. */
export const parts = ["records", "settle", "reserve", "verification"] as const;
export type Part = (typeof parts)[number];

export const WITHOUT_HEADER = "bench-without";

export const partNames: Readonly<Record<Part, string>> = {
  records: "records: queue, consumer, audit log in D1",
  settle: "settle: second ledger call, one durable write",
  reserve: "reserve: first ledger call, one durable write",
  verification: "token verification",
};
