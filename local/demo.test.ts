import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { recordKinds } from '../connectors/records.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const server = z.strictObject({ version: z.string().min(1), source: z.string().min(1) });
const report = z.strictObject({
  seconds: z.number().positive(),
  servers: z.strictObject({ temporal: server, mongodb: server }),
  connections: z.array(
    z.strictObject({
      id: z.string(),
      app: z.string(),
      phase: z.string(),
      trust: z.string(),
      records: z.strictObject(Object.fromEntries(recordKinds.map((kind) => [kind, z.int()]))),
      activityClasses: z.record(z.string(), z.int()),
      unknownEvents: z.int(),
      actions: z.array(z.strictObject({ action: z.string(), state: z.string(), verified: z.boolean() })),
    }),
  ),
});

/** A demo of its own; every process that it starts inherits the mark. */
function demo(...args: string[]) {
  const mark = randomUUID();
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/demo.ts', ...args], {
    cwd: root,
    env: { ...process.env, CASTELLAN_TEST_MARK: mark },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return { child, ended, mark, out: () => out, err: () => err };
}

function alive(mark: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
      } catch {
        // It ended meanwhile, or is not ours to read.
        return false;
      }
    });
}

describe.runIf(process.platform === 'linux')('npm run demo', () => {
  it('connects, scans and governs, two at the same time, and leaves no process', { timeout: 240_000 }, async () => {
    const demos = [demo('--json', '--only', 'okta'), demo('--json', '--only', 'okta')];
    const codes = await Promise.all(demos.map(({ ended }) => ended));
    expect(codes, demos.map(({ err }) => err()).join('\n')).toEqual([0, 0]);
    for (const { out, mark } of demos) {
      const { connections } = report.parse(JSON.parse(out()));
      expect(connections).toHaveLength(1);
      const { app, phase, trust, records, actions } = connections[0]!;
      expect({ app, phase, trust }).toEqual({ app: 'okta', phase: 'watching', trust: 'trusted' });
      expect(records).toMatchObject({ accounts: 500, groups: 40, files: 0 });
      expect(records['activities']).toBeGreaterThan(3000);
      expect(actions).toEqual([
        { action: 'suspendUser', state: 'done', verified: true },
        { action: 'suspendUser (undo)', state: 'undone', verified: true },
      ]);
      expect(alive(mark)).toEqual([]);
    }
  });

  it.each([300, 2_000, 6_000, 12_000])('ends everything at a Ctrl-C after %d ms', { timeout: 120_000 }, async (ms) => {
    const run = demo('--keep', '--only', 'okta');
    await delay(ms);
    run.child.kill('SIGINT');
    // Before anything is started nobody listens for the signal yet, and Node ends by it.
    expect([130, null]).toContain(await run.ended);
    expect(alive(run.mark)).toEqual([]);
  });

  it('says what it was called wrongly with, and how to', { timeout: 30_000 }, async () => {
    const run = demo('--only', 'dropbox');
    expect(await run.ended).toBe(2);
    expect(run.err()).toContain('--only wants okta, box or aws, not dropbox');
    expect(run.err()).toContain('npm run demo -- [--keep]');
  });
});
