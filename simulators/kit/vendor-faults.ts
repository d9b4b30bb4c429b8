import type { Answer } from './answer.ts';
import { count } from './counters.ts';
import { Faults } from './faults.ts';
import type { FaultRule } from './faults.ts';
import type { Random } from './seeded.ts';
import type { Spoiling } from './send.ts';
import { throttleHeaders } from './throttle-forms.ts';
import type { ThrottleForm } from './throttle-forms.ts';

/** What may befall any request; `ms`, `status`, … as noted. */
export const FAULT_KINDS = [
  /** Waits `ms` (1,000 unless told), then works. */
  'delay',
  /** Works at once, and holds the answer back for `ms`: it may be out of date when it comes. */
  'late',
  /** An error with `status` (401, 408, 429, 500, 502, 503, 504 …); gateways' own (502, 504) speak HTML. */
  'status',
  /** "Slow down" in the vendor's words under `status` (429 unless told), for `ms` in the header `form`, or `value` there. */
  'throttle',
  /** The connection is reset. */
  'reset',
  /** Half of the body, then the connection ends: shorter than its content-length. */
  'torn',
  /** Half of the body as if it were all. */
  'truncated',
  /** 200 with an HTML page. */
  'html',
  /** A body that never ends. */
  'endless',
  /** The next position of a page is its own, or that of so many pages before as `back` says. */
  'loop',
  /** What follows a page is that page once more, under another position. */
  'repeated',
  /** The next link, or a redirect, is on the origin `to`. */
  'foreign',
  /** A request with a page position is refused with `status`. */
  'expired',
  /** 200 and an empty list, without a position. */
  'empty',
  /** An empty page whose next position leads to the rows that should have been on it. */
  'heldBack',
  /** The rows of the page in reverse. */
  'reversed',
  /** The rows of the page in any order. */
  'shuffled',
  /** The last row of the page twice. */
  'doubled',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault extends FaultRule<FaultKind> {
  ms?: number;
  status?: number;
  form?: ThrottleForm;
  value?: string;
  to?: string;
  back?: number;
}

/** How one vendor writes its errors, lists and positions. */
export interface Manners {
  now: () => number;
  /** An error of this status in the vendor's words. */
  failing: (status: number) => Answer;
  emptyList: () => Answer;
  /** What a position that is gone is answered with. */
  expiredStatus: number;
  hasPosition: (url: URL) => boolean;
  /** Undefined where the answer is no list. */
  rowsOf: (answer: Answer) => unknown[] | undefined;
  withRows: (answer: Answer, rows: unknown[]) => Answer;
  /** The next position is the one that was asked with (by `url`), or other text for the same place; the last page stays as it is. */
  backTo: (answer: Answer, url: URL, as: 'same' | 'other') => Answer;
  /** The next link, or the redirect, goes to `origin`. */
  astray: (answer: Answer, origin: string) => Answer;
}

const HTML = '<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please wait.</body></html>';
const html = (status: number) => ({ status, body: HTML, headers: { 'content-type': 'text/html' } });

const remembered = 20;

/** `wait` ms go by before the work; `idle`: the time only, without the work. */
export type Work = (wait: number, idle: boolean) => Promise<Answer>;

/** Faults of any vendor that answers pages of rows. */
export class VendorFaults extends Faults<Fault> {
  readonly #manners: Manners;
  readonly #random: Random;
  /** By path: where its list was asked for after the first page. */
  readonly #asked = new Map<string, URL[]>();

  constructor(manners: Manners, random: Random) {
    super(FAULT_KINDS, random);
    this.#manners = manners;
    this.#random = random;
  }

  /** The answer and how its bytes are to be spoilt, if at all. Every fault that strikes is counted. */
  async through(
    method: string,
    url: URL,
    counts: Record<string, number>,
    work: Work,
  ): Promise<{ answer: Answer; spoiling?: Spoiling }> {
    this.#remember(url);
    const striking = this.strike(method, url.pathname + url.search);
    for (const { kind } of striking) count(counts, kind);
    const wait = sum(striking, 'delay');
    const replacing = striking.find((fault) => this.#replaced(fault, url));
    const idle = replacing !== undefined && replacing.executed !== true;
    const real = idle && wait === 0 ? { status: 204 } : await work(wait, idle);
    const answer = replacing
      ? (this.#replaced(replacing, url) ?? real)
      : striking.reduce((so, fault) => this.#bent(fault, so, url), real);
    const late = sum(striking, 'late');
    if (late > 0) await new Promise((resolve) => setTimeout(resolve, late));
    return { answer, spoiling: spoilingOf(striking) };
  }

  #remember(url: URL): void {
    if (!this.#manners.hasPosition(url)) this.#asked.delete(url.pathname);
    else this.#asked.set(url.pathname, [...(this.#asked.get(url.pathname) ?? []).slice(-remembered), url]);
  }

  /** The answer in place of the real one, or undefined when the real one is needed. */
  #replaced(fault: Fault, url: URL): Answer | undefined {
    const manners = this.#manners;
    switch (fault.kind) {
      case 'status':
        return failing(manners, fault.status ?? 500);
      case 'throttle': {
        const answer = failing(manners, 429);
        const said = throttleHeaders(fault.form ?? 'seconds', fault.ms ?? 1_000, manners.now(), fault.value);
        return { ...answer, status: fault.status ?? 429, headers: { ...answer.headers, ...said } };
      }
      case 'html':
        return html(200);
      case 'empty':
      case 'reset':
      case 'endless':
        return manners.emptyList();
      case 'expired':
        return manners.hasPosition(url) ? failing(manners, fault.status ?? manners.expiredStatus) : undefined;
      default:
        return undefined;
    }
  }

  /** The real answer, bent. */
  #bent(fault: Fault, answer: Answer, url: URL): Answer {
    const { rowsOf, withRows, backTo, astray } = this.#manners;
    if (fault.kind === 'foreign') return astray(answer, fault.to ?? 'http://127.0.0.1:9');
    const rows = rowsOf(answer);
    if (!rows) return answer;
    switch (fault.kind) {
      case 'loop':
        return backTo(answer, this.#asked.get(url.pathname)?.at(-1 - (fault.back ?? 0)) ?? url, 'same');
      case 'repeated':
        return backTo(answer, url, 'other');
      case 'heldBack':
        return withRows(backTo(answer, url, 'other'), []);
      case 'reversed':
        return withRows(answer, rows.toReversed());
      case 'shuffled':
        return withRows(answer, shuffled(rows, this.#random));
      case 'doubled':
        return withRows(answer, [...rows, ...rows.slice(-1)]);
      default:
        return answer;
    }
  }
}

const sum = (striking: readonly Fault[], kind: FaultKind): number =>
  striking.reduce((ms, fault) => ms + (fault.kind === kind ? (fault.ms ?? 1_000) : 0), 0);

const failing = (manners: Manners, status: number): Answer =>
  status === 502 || status === 504 ? html(status) : manners.failing(status);

const spoilingOf = (faults: readonly Fault[]): Spoiling | undefined =>
  faults.map(({ kind }) => kind).find((kind): kind is Spoiling => /^(reset|torn|truncated|endless)$/.test(kind));

function shuffled<T>(rows: readonly T[], random: Random): T[] {
  const order = rows.map((row) => ({ row, at: random() }));
  return order.sort((a, b) => a.at - b.at).map(({ row }) => row);
}
