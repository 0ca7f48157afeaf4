/**
 * What happens to calls on their way: delays, loss in either direction, duplicates that arrive late. A caller gives up
 * after a time, as src/quota/call-ledger.store.ts does, and repeats once where the object broke.
 */
import type { Chance } from "./chance.ts";
import type { Answer, Node, Sender, Simulated } from "./node.ts";
import type { Scheduler } from "./scheduler.ts";

export interface Adversity {
  /** Of each message, there and back. */
  readonly loss: number;
  readonly duplicates: number;
  /** Messages that take seconds. */
  readonly slow: number;
}

type Method<O, T> = (object: O) => Promise<T>;

const WAY_MIN_MS = 3;
const WAY_MAX_MS = 15;
const SLOW_MAX_MS = 9_000;

export class Network {
  adversity: Adversity;
  readonly #scheduler: Scheduler;
  readonly #chance: Chance;

  constructor(scheduler: Scheduler, chance: Chance, adversity: Adversity) {
    this.#scheduler = scheduler;
    this.#chance = chance;
    this.adversity = adversity;
  }

  /** Rejects when there is no answer in time. */
  call<O extends Simulated, T>(from: Sender, to: Node<O>, method: Method<O, T>, maxMs: number): Promise<T> {
    return this.#withinTime(from, maxMs, (over, resolve, reject, isOver) => {
      const attempt = (repeats: number): void => {
        this.#attempt(from, to, method, (answer) => {
          // What was sent is what is answered: the one place where a method's type is taken from its message.
          if (answer.kind === "value") over(() => resolve(answer.value as T));
          else if (answer.kind === "error") over(() => reject(answer.error));
          else if (repeats > 0 && !isOver() && from.isAlive()) attempt(repeats - 1);
          else over(() => reject(new Error("broken")));
        });
      };
      attempt(1);
    });
  }

  /** A way that only takes time, for stores which are no objects. */
  pass<T>(from: Sender, work: () => T, maxMs: number): Promise<T> {
    return this.#withinTime(from, maxMs, (over, resolve, reject) => {
      from.send(() =>
        this.#carry(() => {
          try {
            const value = work();
            this.#carry(() => over(() => resolve(value)));
          } catch (error) {
            this.#carry(() => over(() => reject(error)));
          }
        }),
      );
    });
  }

  #attempt<O extends Simulated, T>(
    from: Sender,
    to: Node<O>,
    method: Method<O, T>,
    onAnswer: (answer: Answer) => void,
  ): void {
    const deliver = (tell: (answer: Answer) => void) =>
      this.#carry(() => to.receive(method, (answer) => this.#carry(() => tell(answer))));
    from.send(() => {
      deliver(onAnswer);
      if (this.#chance.happens(this.adversity.duplicates)) deliver(() => undefined);
    });
  }

  #withinTime<T>(
    from: Sender,
    maxMs: number,
    start: (
      over: (end: () => void) => void,
      resolve: (value: T) => void,
      reject: (error: unknown) => void,
      isOver: () => boolean,
    ) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const over = (end: () => void) => {
        if (isOver) return;
        isOver = true;
        cancel();
        if (from.isAlive()) end();
      };
      const cancel = this.#scheduler.after(maxMs, () => over(() => reject(new Error("timed out"))));
      start(over, resolve, reject, () => isOver);
    });
  }

  #carry(arrive: () => void): void {
    const { loss, slow } = this.adversity;
    const isLost = this.#chance.happens(loss);
    const isSlow = this.#chance.happens(slow);
    const ms = this.#chance.between(WAY_MIN_MS, isSlow ? SLOW_MAX_MS : WAY_MAX_MS);
    if (!isLost) this.#scheduler.after(ms, arrive);
  }
}
