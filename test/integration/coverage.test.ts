import { describe, expect, it } from 'vitest';
import { makeHole, readLog, type Subject } from '../bench/coverage.ts';
import { useInstallation } from '../support/installation.ts';

const rows = 5_000;
const to = useInstallation({ tenant: { users: 10, groups: 2, events: 1, knobs: { latencyMs: 100 } } });

describe('the activity records of a log', () => {
  let subject: Subject;
  let id: string;

  it('are its rows, each once: late ones, duplicates, newest first, with workers that die', async () => {
    let worker = to.worker;
    subject = {
      ...to,
      killWorker: () => to.killWorker(worker),
      startWorker: async () => void (worker = await to.anotherWorker()),
    };
    const { id: connection, ...read } = await readLog(subject, rows, [0.3]);
    id = connection;
    console.log(JSON.stringify(read));
    expect(read).toMatchObject({ stored: read.vendor, same: true });
    expect(read.stored).toBeGreaterThanOrEqual(rows);
    expect(read.duplicates).toBeGreaterThan(rows / 40);
    expect(read.kills).toBeGreaterThan(0);
  });

  it('lack what a lost place passed over: the API tells the hole, and the next scan closes it', async () => {
    await subject.tenant.control.knobs({ latencyMs: 0 });
    expect(await makeHole(subject, id)).toEqual({ told: true, missing: true, closed: true, late: true });
  });
});
