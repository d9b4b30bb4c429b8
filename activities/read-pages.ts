import type { Page, PageRequest, Touched } from '../connectors/pages.ts';
import type { AnyRecord } from '../connectors/records.ts';
import type { PositionDocument, Unread } from '../store/documents.ts';
import type { Group, Lease } from '../store/positions-interface.ts';
import type { Store } from '../store/store.ts';
import type { Counts } from '../workflows/messages.ts';
import { goesRound, markLoop } from './mark-loop.ts';

const groupRecords = 1000;
const groupBytes = 8 * 1024 * 1024;

export interface Reading {
  lease: Lease;
  request: Omit<PageRequest, 'part' | 'cursor' | 'checkpoint'>;
  page: (request: PageRequest) => Promise<Page<AnyRecord>>;
  /** Asked before each page: false hands over with the position stored. */
  goOn: () => boolean;
  groupMs: number;
  /** Activities: what a run to the end has covered. */
  covered?: (observedAt: Date) => Group['covered'];
  committed?: (counts: Counts, lease: Lease) => void;
  /** After the commit that holds the page. */
  acknowledge?: (receipt: string) => Promise<void>;
  /** A feed: the last page moves the checkpoint and leaves no cursor. */
  feed: boolean;
  /** Of a feed: this round is done with the last page. Not where something is to be acknowledged: that needs the lease. */
  round?: number;
}

/**
 * Reads pages from the lease's position and writes them in groups, each with the position after its last page, in one
 * transaction. The next page is fetched while this one is prepared, and while a group is written. Whatever ends it, the
 * pages that were read whole are committed first, so that nothing is asked for twice. Returns whether the end was
 * reached, and whether the round was written as done with it.
 */
export async function readPages(
  store: Store,
  reading: Reading,
): Promise<{ lease: Lease; ended: boolean; roundDone: boolean }> {
  const { part } = reading.lease.position;
  let { lease } = reading;
  let { checkpoint } = lease.position;
  let place: Pick<PositionDocument, 'cursor' | 'loopMarker'> = lease.position;
  let gathered = new Gathered();
  let writing: Promise<void> = Promise.resolve();
  let ended = false;
  let roundDone = false;

  const write = async (group: Gathered): Promise<void> => {
    const done = await store.positions.commit(lease, group.value);
    lease = done.lease;
    reading.committed?.(done.counts, lease);
    for (const receipt of group.receipts) await reading.acknowledge?.(receipt);
  };
  const flush = async (): Promise<void> => {
    await writing;
    if (gathered.empty) return;
    const group = gathered;
    gathered = new Gathered();
    writing = write(group);
    // Awaited at the next flush; until then a rejection is not unhandled.
    writing.catch(() => undefined);
  };

  const ask = () => {
    const observedAt = store.now();
    const page = reading.page({ part, cursor: place.cursor, checkpoint, ...reading.request });
    // Awaited after the page before was put away; until then a rejection is not unhandled.
    page.catch(() => undefined);
    return { observedAt, page };
  };

  try {
    let asked = reading.goOn() ? ask() : undefined;
    while (asked) {
      const { observedAt } = asked;
      const page = await asked.page;
      asked = undefined;
      const led = markLoop(page.next, place);
      place = led.place;
      gathered.value.cursor = place.cursor ?? null;
      gathered.value.loopMarker = place.loopMarker;
      if (led.looped) throw goesRound();
      ended = page.next === undefined;
      if (page.checkpoint !== undefined) checkpoint = page.checkpoint;
      gathered.add(page, observedAt);
      if (reading.feed) gathered.value.checkpoint = checkpoint;
      if (ended) {
        gathered.value.covered = reading.covered?.(observedAt);
        if (gathered.receipts.length === 0) gathered.value.round = reading.round;
        roundDone = gathered.value.round !== undefined;
      }
      // Before this page is prepared and written, so that the app works meanwhile.
      else if (reading.goOn()) asked = ask();
      if (gathered.full(reading.groupMs) || ended) await flush();
    }
  } finally {
    // Runs before a failure of the fetch goes on; a failure of the write is the one that counts.
    await flush();
    await writing;
  }
  return { lease, ended, roundDone };
}

type Mutable<T extends readonly unknown[]> = T[number][];

class Gathered {
  readonly value: Group & {
    pages: Mutable<Group['pages']>;
    touched: Touched[];
    unread: Unread[];
  } = {
    pages: [],
    touched: [],
    skipped: 0,
    unread: [],
  };
  readonly receipts: string[] = [];
  private records = 0;
  private bytes = 0;
  private readonly since = performance.now();

  get empty(): boolean {
    return this.value.cursor === undefined;
  }

  add(page: Page<AnyRecord>, observedAt: Date): void {
    const { records, kept = [], observed = [], removed = [] } = page;
    this.value.pages.push({ records, kept, observed, removed, observedAt });
    this.value.touched.push(...(page.touched ?? []));
    this.value.skipped += page.skipped?.length ?? 0;
    this.value.unread.push(
      ...(page.skipped ?? []).flatMap(({ vendorId, why }) => (vendorId ? [{ vendorId, why }] : [])),
    );
    if (page.estimate !== undefined) this.value.estimate = page.estimate;
    if (page.receipt !== undefined) this.receipts.push(page.receipt);
    this.records += records.length + kept.length + observed.length;
    const sample = page.records[0];
    if (sample) this.bytes += JSON.stringify(sample).length * page.records.length;
  }

  full(ms: number): boolean {
    return this.records >= groupRecords || this.bytes >= groupBytes || performance.now() - this.since >= ms;
  }
}
