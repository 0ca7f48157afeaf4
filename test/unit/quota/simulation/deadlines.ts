/** As src/quota/deadlines.object.ts, on a simulated node. */
import type { Node, Simulated } from "./node.ts";

type Alarmed = Pick<Node<Simulated>, "alarmAt" | "setAlarm">;

export class SimulatedDeadlines {
  readonly #node: Alarmed;
  #atMs: number | null;

  constructor(node: Alarmed) {
    this.#node = node;
    this.#atMs = node.alarmAt();
  }

  arm(atMs: number | null): void {
    if (atMs === null || (this.#atMs !== null && this.#atMs <= atMs)) return;
    this.replace(atMs);
  }

  replace(atMs: number | null): void {
    this.#atMs = atMs;
    this.#node.setAlarm(atMs);
  }

  isOverdue(nowMs: number): boolean {
    return this.#atMs !== null && this.#atMs <= nowMs;
  }
}
