import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ProcessOwner } from '../../local/processes.ts';
import { startMongo, type MongoServer } from '../../local/servers/start-mongo.ts';
import { useInstallation } from '../support/installation.ts';
import { expectTruth } from '../support/stored-truth.ts';

let mongodb: MongoServer;
const to = useInstallation({
  tenant: { users: 400, groups: 12, events: 400, knobs: { latencyMs: 60 } },
  async mongo(owner: ProcessOwner, logFolder: string) {
    mongodb = await startMongo(owner, { logFolder });
    return mongodb.uri;
  },
});

async function ready(): Promise<{ status: number; detail: string }> {
  const response = await fetch(`${to.apiUrl}/readyz`);
  const { detail = '' } = (await response.json()) as { detail?: string };
  return { status: response.status, detail };
}

/** What it answers once it no longer says that all is there: a process that is stopped may still answer what it has. */
async function notReady() {
  for (const until = Date.now() + 5_000; ; await delay(50)) {
    const answer = await ready();
    if (answer.status !== 200 || Date.now() > until) return answer;
  }
}

async function readyAgain(): Promise<void> {
  for (const until = Date.now() + 30_000; Date.now() < until; await delay(200))
    if ((await ready()).status === 200) return;
  expect.fail('not ready again');
}

describe('a server that is away', () => {
  it.each([
    ['Temporal', (signal: NodeJS.Signals) => to.temporal.kill(signal), 1],
    ['MongoDB', (signal: NodeJS.Signals) => mongodb.kill(signal), 2],
  ] as const)(
    '%s, for ten seconds in mid-scan: /readyz tells, and the scan goes on by itself',
    async (name, kill, scan) => {
      const { id } =
        scan === 1
          ? await to.connect()
          : (await to.api.get<{ items: { id: string }[] }>('/v1/connections?limit=1')).items[0]!;
      if (scan > 1) await to.api.post(`/v1/connections/${id}/rescan`);
      await to.midScan(id, scan);
      expect((await ready()).status).toBe(200);
      const stoppedAt = performance.now();
      kill('SIGSTOP');
      expect(await notReady()).toMatchObject({ status: 503, detail: expect.stringContaining(name) });
      await delay(Math.max(0, stoppedAt + 10_000 - performance.now()));
      kill('SIGCONT');
      await readyAgain();
      const done = await to.scanned(id, scan);
      expect(done.phase).toBe('watching');
      expect(done.problem).toBeUndefined();
      await expectTruth(to.db, id, to.tenant);
    },
  );
});
