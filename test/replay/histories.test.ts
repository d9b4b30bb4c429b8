import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Worker, type WorkflowBundle } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { phases, stageNames, type ConnectionInput, type ConnectionState } from '../../workflows/messages.ts';
import { bundle, easyActivities, quietRuntime, start, swept, withWorkers } from '../support/connection-workflow.ts';
import type {} from '../support/provided.ts';
import { hashFile, workflowHash } from './workflow-code.ts';

interface Recorded {
  events: {
    workflowExecutionContinuedAsNewEventAttributes?: { input: { payloads: { data: string }[] } };
  }[];
}

const folder = fileURLToPath(new URL('./histories/', import.meta.url));
const read = <T>(path: string): T => JSON.parse(readFileSync(folder + path, 'utf8')) as T;
const files = readdirSync(folder, { recursive: true }).map(String);
const recorded = files
  .filter((path) => path.endsWith('.json') && !path.endsWith('states.json'))
  .map((path) => ({ name: path.slice(0, -'.json'.length), history: read<Recorded>(path) }));

/** The state as if it had been written just now: what was due in hours then is due in hours today. */
function asOfNow(state: ConnectionState): ConnectionState {
  const isTime = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
  const times: number[] = [];
  JSON.stringify(state, (key, value: unknown) => {
    if (['nextScanAt', 'until', 'eta'].includes(key)) return undefined;
    if (typeof value === 'string' && isTime.test(value)) times.push(Date.parse(value));
    return value;
  });
  const later = Date.now() - Math.max(...times);
  return JSON.parse(JSON.stringify(state), (_, value: unknown) =>
    typeof value === 'string' && isTime.test(value) ? new Date(Date.parse(value) + later).toISOString() : value,
  ) as ConnectionState;
}

const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
let workflowBundle: WorkflowBundle;

beforeAll(async () => {
  quietRuntime();
  workflowBundle = await bundle();
});

/** By name, why a history does not fit the workflow; undefined where it does. */
async function replay(code: WorkflowBundle): Promise<Map<string, Error | undefined>> {
  const results = Worker.runReplayHistories(
    { workflowBundle: code },
    recorded.map(({ name, history }) => ({ workflowId: name, history })),
  );
  const found = new Map<string, Error | undefined>();
  for await (const { workflowId, error } of results) found.set(workflowId, error);
  return found;
}

describe('histories of all releases', () => {
  it('are there for everything that a connection goes through', () => {
    const names = recorded.map(({ name }) => name.split('/').at(-1));
    for (const name of ['connecting', 'scanning', 'throttled', 'unavailable', 'acted', 'paused', 'needs-credentials'])
      expect(names).toContain(name);
    for (const name of ['disconnected-run-1', 'disconnected', 'duplicate', 'erased', 'contents-read', 'two-readers'])
      expect(names).toContain(name);
  });

  it('are there of today’s workflow', () => {
    const hashes = files.filter((path) => path.endsWith(hashFile)).map((path) => readFileSync(folder + path, 'utf8'));
    const how = 'another workflow wants its histories: npx tsx test/replay/record.ts <what is new of it>';
    expect(
      hashes.map((hash) => hash.trim()),
      how,
    ).toContain(workflowHash());
  });

  it('have the activities and patches of today', () => {
    const texts = recorded.map(({ history }) =>
      JSON.stringify(history).replaceAll(/"data":"([^"]*)"/g, (_, data: string) => atob(data)),
    );
    for (const what of ['"contentChunk"', '"checkAction"', '"states-in-order"', '"states-by-task"'])
      expect(
        texts.some((text) => text.includes(what)),
        what,
      ).toBe(true);
  });

  it('replay on today’s workflow', async () => {
    const found = await replay(workflowBundle);
    expect(found.size).toBe(recorded.length);
    expect([...found].filter(([, error]) => error)).toEqual([]);
  });

  it('do not replay on a workflow that was edited: the net holds', async () => {
    const workflowsPath = fileURLToPath(new URL('./edited-workflow.ts', import.meta.url));
    const found = await replay(await bundleWorkflowCode({ workflowsPath, logger: quiet }));
    expect(found.size).toBe(recorded.length);
    for (const [name, error] of found) expect(error?.name, name).toBe('DeterminismViolationError');
  });
});

describe('end states of all releases', () => {
  const ends: { name: string; state: ConnectionState }[] = [
    ...files
      .filter((path) => path.endsWith('states.json'))
      .flatMap((path) =>
        Object.entries(read<Record<string, ConnectionState>>(path)).map(([name, state]) => ({
          name: `${path}: ${name}`,
          state,
        })),
      ),
    ...recorded.flatMap(({ name, history }) => {
      const payload = history.events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.input.payloads[0];
      if (!payload) return [];
      const { state } = JSON.parse(Buffer.from(payload.data, 'base64').toString('utf8')) as ConnectionInput;
      return [{ name: `the end of ${name}`, state: state! }];
    }),
  ];
  let connection: Connection;
  let native: NativeConnection;
  beforeAll(async () => {
    const address = inject('temporalAddress');
    [connection, native] = await Promise.all([Connection.connect({ address }), NativeConnection.connect({ address })]);
  });
  afterAll(async () => {
    await native?.close();
    await connection?.close();
  });

  it('are taken up by today’s workflow, which goes on at the same scan and stage', async () => {
    expect(ends.filter(({ name }) => name.startsWith('the end of')).length).toBeGreaterThan(0);
    // What is erased has none: the workflow ends as one that erases.
    expect(new Set(ends.map(({ state }) => state.phase)).size).toBe(phases.length - 1);
    const client = new Client({ connection });
    const asked = new Map<string, string[]>();
    const last = new Map<string, ConnectionState>();
    const activities = easyActivities({
      sweepChunk: async ({ connectionId, stage, scan }) => {
        asked.set(connectionId, [...(asked.get(connectionId) ?? []), `${scan} ${stage}`]);
        return swept();
      },
      writeState: async ({ connectionId, state }) => void last.set(connectionId, structuredClone(state)),
    });
    await withWorkers({ connection: native, workflowBundle, activities }, async () => {
      const handles = await Promise.all(
        ends.map(({ state }, at) => start(client, { connectionId: `con_end_${at}`, state: asOfNow(state) })),
      );
      const all = () => ends.every((_, at) => last.get(`con_end_${at}`)?.phase === 'watching');
      for (const until = Date.now() + 60_000; !all() && Date.now() < until;)
        await new Promise((resolve) => setTimeout(resolve, 50));
      await Promise.all(handles.map((handle) => handle.terminate()));
    });
    for (const [at, { name, state }] of ends.entries()) {
      const now = last.get(`con_end_${at}`);
      expect(now?.phase, name).toBe('watching');
      expect(now?.problem, name).toBeUndefined();
      const { number, startedAt, finishedAt } = state.scan;
      const left = stageNames.find((stage) => ['waiting', 'running'].includes(state.stages[stage]?.phase ?? 'waiting'));
      const first = asked.get(`con_end_${at}`)?.[0];
      if (!startedAt) expect(first, name).toBe('1 users');
      else if (finishedAt) expect(now?.scan.number, name).toBe(number);
      else if (left) expect(first, name).toBe(`${number} ${left}`);
      expect(now?.runs, name).toBe(state.runs);
    }
  });
});
