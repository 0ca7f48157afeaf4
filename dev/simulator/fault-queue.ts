/**
 * Faults waiting for a model request. Each entry is used once; one that names a deployment waits for a
 * request to that deployment and lets others pass.
 */
import type { Fault, QueuedFaults } from "./fault.ts";

export interface FaultQueue {
  add(entry: QueuedFaults): void;
  take(deployment: string): readonly Fault[];
  clear(): void;
  readonly length: number;
}

export function createFaultQueue(): FaultQueue {
  const waiting: QueuedFaults[] = [];
  return {
    add(entry) {
      waiting.push(entry);
    },
    take(deployment) {
      const index = waiting.findIndex(
        (entry) => entry.deployment === undefined || entry.deployment === deployment,
      );
      return index < 0 ? [] : (waiting.splice(index, 1)[0]?.faults ?? []);
    },
    clear() {
      waiting.length = 0;
    },
    get length() {
      return waiting.length;
    },
  };
}
