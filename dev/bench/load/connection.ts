/**
 * One keep-alive HTTP/1.1 connection to the loopback, one request at a time. Written by hand because a general client
 * costs more per request than the Workers under test, and would be what is measured. Answers are compared as they come
 * and not kept: thousands may be under way.
 */
import { connect, type Socket } from "node:net";

export interface Answer {
  /** 0 when the connection broke. */
  readonly status: number;
  /** Byte for byte, from the first to the last. */
  readonly isExpected: boolean;
  readonly firstByteAtMs: number;
}

export interface ConnectionOptions {
  readonly port: number;
  /** What every answer should be. */
  readonly expected: Buffer;
  /** From the first byte of each answer on, nothing is read for so long. */
  readonly stallMs: number;
}

interface Head {
  readonly status: number;
  /** Null when the body is chunked. */
  readonly bodyBytes: number | null;
}

const LINE = Buffer.from("\r\n");
const HEAD_END = Buffer.from("\r\n\r\n");

export class Connection {
  readonly #options: ConnectionOptions;
  #socket: Socket | null = null;
  #answered: ((answer: Answer) => void) | null = null;
  #unread: Buffer = Buffer.alloc(0);
  #head: Head | null = null;
  #bodyBytes = 0;
  #isExpected = true;
  #firstByteAtMs = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  send(request: Buffer, answered: (answer: Answer) => void): void {
    this.#answered = answered;
    this.#open().write(request);
  }

  close(): void {
    this.#answered = null;
    this.#socket?.destroy();
  }

  #open(): Socket {
    if (this.#socket !== null) return this.#socket;
    const socket = connect({ host: "127.0.0.1", port: this.#options.port, noDelay: true });
    socket.on("data", (bytes) => this.#read(bytes));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#socket = null;
      this.#finish(0);
    });
    this.#socket = socket;
    return socket;
  }

  #read(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    if (this.#head === null && !this.#readHead()) return;
    const head = this.#head;
    if (head === null) return;
    if (head.bodyBytes === null) this.#readChunks(head);
    else {
      this.#take(this.#unread);
      this.#unread = Buffer.alloc(0);
      if (this.#bodyBytes >= head.bodyBytes) this.#finish(head.status);
    }
  }

  #readHead(): boolean {
    const end = this.#unread.indexOf(HEAD_END);
    if (end < 0) return false;
    const text = this.#unread.toString("latin1", 0, end).toLowerCase();
    const length = /\r\ncontent-length: *(\d+)/.exec(text)?.[1];
    this.#head = {
      status: Number(text.slice(9, 12)),
      bodyBytes: length === undefined ? null : Number(length),
    };
    this.#unread = this.#unread.subarray(end + HEAD_END.length);
    return true;
  }

  #readChunks({ status }: Head): void {
    for (;;) {
      const line = this.#unread.indexOf(LINE);
      if (line < 0) return;
      const size = Number.parseInt(this.#unread.toString("latin1", 0, line), 16);
      const start = line + LINE.length;
      if (this.#unread.length < start + size + LINE.length) return;
      this.#take(this.#unread.subarray(start, start + size));
      this.#unread = this.#unread.subarray(start + size + LINE.length);
      if (size === 0) {
        this.#finish(status);
        return;
      }
    }
  }

  #take(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const { expected, stallMs } = this.#options;
    if (this.#bodyBytes === 0) {
      this.#firstByteAtMs = performance.now();
      if (stallMs > 0) this.#stall(stallMs);
    }
    const end = this.#bodyBytes + bytes.length;
    // Never more than there is: `compare` refuses a range beyond the end.
    this.#isExpected &&=
      end <= expected.length && expected.compare(bytes, 0, bytes.length, this.#bodyBytes, end) === 0;
    this.#bodyBytes = end;
  }

  #stall(stallMs: number): void {
    const socket = this.#socket;
    socket?.pause();
    setTimeout(() => socket?.resume(), stallMs);
  }

  #finish(status: number): void {
    const isExpected = this.#isExpected && this.#bodyBytes === this.#options.expected.length;
    const firstByteAtMs = this.#bodyBytes === 0 ? performance.now() : this.#firstByteAtMs;
    this.#head = null;
    this.#bodyBytes = 0;
    this.#isExpected = true;
    if (status === 0) this.#unread = Buffer.alloc(0);
    const answered = this.#answered;
    this.#answered = null;
    answered?.({ status, isExpected, firstByteAtMs });
  }
}
