import type { Random } from './seeded.ts';

export interface FaultRule<K extends string = string> {
  kind: K;
  /** Only this method. */
  method?: string;
  /** A regular expression over path and query. */
  path?: string;
  /** Leaves the first matching requests alone. */
  skip?: number;
  /** How often it strikes; without it, until it is cleared. */
  count?: number;
  /** 0 to 1; how likely a matching request is struck. */
  probability?: number;
  /** True: the request is carried out first and only its answer is spoilt. */
  executed?: boolean;
}

interface Armed<R> {
  rule: R;
  pattern: RegExp | undefined;
  skip: number;
  left: number;
  struck: number;
}

/** Which requests go wrong, and how: chosen by path, number and chance; the chance comes from the seed. */
export class Faults<R extends FaultRule> {
  readonly #random: Random;
  readonly #kinds: ReadonlySet<string>;
  #armed: Armed<R>[] = [];

  constructor(kinds: readonly R['kind'][], random: Random) {
    this.#kinds = new Set(kinds);
    this.#random = random;
  }

  add(rule: R): void {
    if (!this.#kinds.has(rule.kind)) throw new Error(`no such fault: ${rule.kind}`);
    this.#armed.push({
      rule,
      pattern: rule.path === undefined ? undefined : new RegExp(rule.path),
      skip: rule.skip ?? 0,
      left: rule.count ?? Infinity,
      struck: 0,
    });
  }

  clear(): void {
    this.#armed = [];
  }

  /** Every rule and how often it struck. */
  list(): { rule: R; struck: number }[] {
    return this.#armed.map(({ rule, struck }) => ({ rule, struck }));
  }

  /** The rules that strike this request, in the order they were added. */
  strike(method: string, target: string): R[] {
    const striking: R[] = [];
    for (const one of this.#armed) {
      if (one.left <= 0 || (one.rule.method !== undefined && one.rule.method !== method)) continue;
      if (one.pattern && !one.pattern.test(target)) continue;
      if (one.skip > 0) {
        one.skip--;
        continue;
      }
      if (one.rule.probability !== undefined && this.#random() >= one.rule.probability) continue;
      one.left--;
      one.struck++;
      striking.push(one.rule);
    }
    return striking;
  }
}
