/**
 * The place where a simulated Durable Object lives: its clock, disk, alarm and output gate. The object in it dies in a
 * crash with all that was not committed, and is made anew by the next message or alarm.
 */
import type { Chance } from "./chance.ts";
import { Disk } from "./disk.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SkewedClock } from "./skewed-clock.ts";

/** What every object can be asked. */
export interface Simulated {
  alarm(): Promise<void>;
  /** Reads its clock, as any call does: a step back that nobody sees in time is beyond the design. */
  look(): void;
}

/** Who calls: a message leaves through `send`, and an answer only reaches whoever is still there. */
export interface Sender {
  send(message: () => void): void;
  isAlive(): boolean;
}

const COMMIT_MAX_MS = 6;

export class Node<O extends Simulated> {
  readonly disk = new Disk();
  readonly clock: SkewedClock;
  readonly #scheduler: Scheduler;
  readonly #chance: Chance;
  readonly #make: (node: Node<O>) => O;
  readonly #onCrash: () => void;
  #object: O | null = null;
  #epoch = 0;
  #gated: (() => void)[] = [];
  #lastCommitMs = 0;
  #uncommitted = 0;
  #atEnd = new Set<() => void>();
  #cancelAlarm: () => void = () => undefined;

  constructor(
    scheduler: Scheduler,
    chance: Chance,
    clock: SkewedClock,
    make: (node: Node<O>) => O,
    onCrash: () => void,
  ) {
    this.#scheduler = scheduler;
    this.#chance = chance;
    this.clock = clock;
    this.#make = make;
    this.#onCrash = onCrash;
  }

  /** The object that is running; null = none since the last crash. */
  get running(): O | null {
    return this.#object;
  }

  wake(): O {
    this.#object ??= this.#make(this);
    return this.#object;
  }

  /** The object as it is now, as a sender: what it says leaves after what it has written is durable. */
  sender(): Sender {
    const epoch = this.#epoch;
    const isAlive = () => this.#epoch === epoch;
    return {
      isAlive,
      send: (message) => {
        if (isAlive()) this.#gated.push(message);
      },
    };
  }

  receive(method: (object: O) => Promise<unknown>, onAnswer: (answer: Answer) => void): void {
    const sender = this.sender();
    const object = this.wake();
    let isOpen = true;
    const answer = (given: Answer) => {
      if (!isOpen) return;
      isOpen = false;
      this.#atEnd.delete(broken);
      onAnswer(given);
    };
    const broken = () => answer({ kind: "broken" });
    this.#atEnd.add(broken);
    method(object).then(
      (value) => sender.send(() => answer({ kind: "value", value })),
      (error: unknown) => sender.send(() => answer({ kind: "error", error })),
    );
  }

  /** After each event: what was written goes to the disk, and what was said waits for it. */
  flush(): void {
    const changes = this.disk.takeChanges();
    const messages = this.#gated;
    this.#gated = [];
    if (changes.length === 0 && this.#uncommitted === 0) {
      for (const message of messages) message();
      return;
    }
    if (changes.length === 0 && messages.length === 0) return;
    const epoch = this.#epoch;
    const { nowMs } = this.#scheduler;
    this.#lastCommitMs = Math.max(this.#lastCommitMs, nowMs + this.#chance.between(0, COMMIT_MAX_MS));
    this.#uncommitted += 1;
    this.#scheduler.after(this.#lastCommitMs - nowMs, () => {
      if (this.#epoch !== epoch) return;
      this.#uncommitted -= 1;
      this.disk.commit(changes);
      for (const message of messages) message();
    });
  }

  crash(): void {
    this.#epoch += 1;
    this.#object = null;
    this.#gated = [];
    this.#uncommitted = 0;
    this.disk.crash();
    this.#onCrash();
    for (const broken of [...this.#atEnd]) broken();
    this.#followAlarm();
  }

  stepBack(ms: number): void {
    if (!this.clock.stepBack(ms)) return;
    this.#object?.look();
    this.#followAlarm();
  }

  setAlarm(atMs: number | null): void {
    this.disk.put("alarm", "at", atMs ?? undefined);
    this.#followAlarm();
  }

  alarmAt(): number | null {
    const atMs = this.disk.get("alarm", "at");
    return typeof atMs === "number" ? atMs : null;
  }

  /** The platform reads its own clock again: this one may have stepped back. */
  #followAlarm(): void {
    this.#cancelAlarm();
    const atMs = this.alarmAt();
    if (atMs === null) return;
    this.#cancelAlarm = this.#scheduler.after(this.clock.untilMs(atMs) + 1, () => {
      if (this.clock.read() < atMs) this.#followAlarm();
      else
        this.receive(
          (object) => object.alarm(),
          () => undefined,
        );
    });
  }
}

export type Answer =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "broken" };
