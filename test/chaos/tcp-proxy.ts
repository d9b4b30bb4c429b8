import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** `up` goes to the server, `down` comes back from it. */
export type Way = 'up' | 'down';

export interface Trap {
  way: Way;
  /** Bytes that must pass; ASCII. */
  pattern: string;
  /** Asked with all that came with them, before they are forwarded; they wait meanwhile. */
  when?: (text: string) => Promise<boolean>;
  /** How many are let pass before. */
  skip?: number;
  /**
   * `before`: `strike` runs while the bytes wait, and decides whether they go on.
   * `after` (of `up` only): they are forwarded; `strike` runs when the answer is there and decides about that.
   */
  moment: 'before' | 'after';
  strike: () => Promise<'pass' | 'cut'>;
}

/**
 * A TCP proxy on 127.0.0.1 that can be told to spoil what passes: toxiproxy's ways, and traps at a pattern of bytes, so
 * that a connection ends inside a transaction or between a write and its answer.
 */
export class TcpProxy {
  /** Added to each chunk, each way. */
  delayMs = 0;
  /** Bytes a second each way; 0 is no limit. */
  bytesPerSecond = 0;
  /** Nothing passes and nobody is told; what comes waits. */
  held = false;
  /** New connections are reset. */
  refused = false;
  /** Where connections that begin from now on lead. */
  target: { host: string; port: number };
  readonly #pairs = new Set<{ client: Socket; server: Socket }>();
  readonly #traps = new Set<Armed>();
  readonly #listener = createServer({ allowHalfOpen: false }, (client) => this.#accept(client));
  #port = 0;

  constructor(target: { host: string; port: number }) {
    this.target = target;
  }

  async listen(): Promise<this> {
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    this.#port = (this.#listener.address() as AddressInfo).port;
    return this;
  }

  get port(): number {
    return this.#port;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Ends every connection with a reset. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** As if nothing had been wrong. Connections that were held go on. */
  heal(): void {
    Object.assign(this, { delayMs: 0, bytesPerSecond: 0, held: false, refused: false });
    this.#traps.clear();
  }

  /**
   * Resolves true when it has struck and `strike` is done, false when that did not come within the time; rejects with
   * what `strike` rejects with.
   */
  async trap(trap: Trap, withinMs: number): Promise<boolean> {
    let struck: (done: boolean | Promise<boolean>) => void = () => {};
    const done = new Promise<boolean>((resolve) => (struck = resolve));
    const armed: Armed = { trap, skip: trap.skip ?? 0, struck, late: false };
    this.#traps.add(armed);
    const timer = setTimeout(() => {
      armed.late = true;
      if (this.#traps.delete(armed)) struck(false);
    }, withinMs);
    return done.finally(() => clearTimeout(timer));
  }

  /** The connection ended before the answer came that it waited for: the next such bytes are as good. */
  #rearm(armed: Armed): void {
    if (armed.late) armed.struck(false);
    else this.#traps.add(armed);
  }

  async close(): Promise<void> {
    this.cut();
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  #accept(client: Socket): void {
    if (this.refused) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.target);
    const pair = { client, server };
    this.#pairs.add(pair);
    client.setNoDelay();
    server.setNoDelay();
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    const answers: Armed[] = [];
    const pumps = [this.#pump(client, server, 'up', answers), this.#pump(server, client, 'down', answers)];
    for (const pump of pumps) void pump.finally(end);
    void Promise.all(pumps).then(() => answers.forEach((armed) => this.#rearm(armed)));
  }

  async #pump(from: Socket, to: Socket, way: Way, answers: Armed[]): Promise<void> {
    let tail = '';
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (this.delayMs > 0) await delay(this.delayMs);
        if (this.bytesPerSecond > 0) await delay((chunk.length / this.bytesPerSecond) * 1000);
        while (this.held && !to.destroyed) await delay(20);
        const waiting = way === 'down' ? answers.shift() : undefined;
        if (waiting && (await strike(waiting)) === 'cut') return;
        const text = chunk.toString('latin1');
        for (const armed of this.#traps) {
          const { pattern } = armed.trap;
          // Cut in two by the network it is a match too, once.
          const passed = tail.slice(1 - pattern.length) + text;
          if (armed.trap.way !== way || !passed.includes(pattern)) continue;
          if (armed.trap.when && !(await armed.trap.when(text))) continue;
          if (armed.skip > 0) {
            armed.skip -= 1;
            continue;
          }
          if (!this.#traps.delete(armed)) continue;
          if (armed.trap.moment === 'after') answers.push(armed);
          else if ((await strike(armed)) === 'cut') return;
        }
        tail = (tail + text).slice(-100);
        if (to.destroyed) return;
        if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      }
    } catch {
      // A connection that breaks is what a proxy passes on: both ends are ended.
    }
  }
}

interface Armed {
  trap: Trap;
  skip: number;
  struck: (done: boolean | Promise<boolean>) => void;
  /** Its time is over. */
  late: boolean;
}

function strike({ trap, struck }: Armed): Promise<'pass' | 'cut'> {
  const fate = trap.strike();
  struck(fate.then(() => true));
  return fate;
}
