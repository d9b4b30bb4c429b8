import { patched } from '@temporalio/workflow';

/**
 * Local activities of one run, one at a time: those that end in another order than they began are replayed in one go,
 * and what follows from them then comes in another order than it did.
 */
export class LocalTurns {
  private last: Promise<unknown> = Promise.resolve();
  private nextWrite: Promise<void> | undefined;
  /** As runs of before have it, where nothing but writes is local. */
  private lastWrite: Promise<void> = Promise.resolve();
  private readonly writeState: () => Promise<void>;

  constructor(writeState: () => Promise<void>) {
    this.writeState = writeState;
  }

  /** Whether more than writes may be local in this run. */
  get shared(): boolean {
    return patched('local-turns');
  }

  /** Those who come while one waits for its turn share it. */
  write(): Promise<void> {
    if (!patched('states-in-order')) return this.writeState();
    if (this.shared) return (this.nextWrite ??= this.take(this.beginWrite));
    this.nextWrite ??= this.lastWrite.then(this.beginWrite, this.beginWrite);
    this.last = this.nextWrite;
    return this.nextWrite;
  }

  take<R>(work: () => Promise<R>): Promise<R> {
    const mine = this.last.then(work, work);
    this.last = mine;
    return mine;
  }

  private readonly beginWrite = (): Promise<void> => {
    this.nextWrite = undefined;
    return (this.lastWrite = this.writeState());
  };
}
