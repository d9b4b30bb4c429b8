import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeServer, dropDatabase, initiateReplicaSet } from '../../store/replica-set.ts';
import { useProcessOwner } from '../../test/support/use-process-owner.ts';
import { startMongo } from './start-mongo.ts';
import { startMoto } from './start-moto.ts';
import { startTemporal } from './start-temporal.ts';
import { findTimeSkippingServer } from './time-skipping-server.ts';

const owner = useProcessOwner();
const logFolder = owner.folder('castellan-test');

afterEach(() => vi.unstubAllEnvs());

async function withTemporal<T>(address: string, ask: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await ask(connection);
  } finally {
    await connection.close();
  }
}

const attributesOf = (address: string) =>
  withTemporal(address, async (connection) => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    return Object.keys(customAttributes);
  });

describe('MongoDB', () => {
  it('is a replica set that takes writes; two at once are two; a running one is used and not stopped', async () => {
    const [server, other] = await Promise.all([startMongo(owner, { logFolder }), startMongo(owner, { logFolder })]);
    expect(server.uri).not.toBe(other.uri);
    const facts = await describeServer(server.uri);
    expect(facts).toMatchObject({ version: server.version, primary: true, pid: server.pid });
    expect(server.tried[0]).toEqual({ source: 'MONGODB_URI', why: 'not set' });
    await dropDatabase(server.uri, 'nothing-there');

    const host = new URL(server.uri).host;
    await initiateReplicaSet(`mongodb://${host}/`, { setName: facts.setName!, host });

    vi.stubEnv('MONGODB_URI', server.uri);
    const same = await startMongo(owner, { logFolder });
    expect(same).toMatchObject({ uri: server.uri, source: 'MONGODB_URI', version: server.version, tried: [] });
    expect(same.pid).toBeUndefined();
    await same.stop();
    expect((await describeServer(server.uri)).primary).toBe(true);

    await Promise.all([server.stop(), other.stop()]);
    await expect(describeServer(server.uri, { withinMs: 300 })).rejects.toThrow();
  });

  it('says why MONGODB_URI was not used', async () => {
    vi.stubEnv('MONGODB_URI', 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200');
    const server = await startMongo(owner, { logFolder });
    expect(server.tried[0]).toEqual({ source: 'MONGODB_URI', why: expect.stringContaining('127.0.0.1:1') as string });
    await server.stop();
  });
});

describe('Temporal', () => {
  it('answers with its UI, has our search attributes and obeys dynamic configuration; a running one is used', async () => {
    const dbFile = join(owner.folder('castellan-test'), 'state', 'temporal.db');
    const dynamicConfig = { 'limit.historyCount.suggestContinueAsNew': 200 };
    const server = await startTemporal(owner, { logFolder, ui: true, dbFile, dynamicConfig });
    expect(await attributesOf(server.address)).toEqual(
      expect.arrayContaining(['App', 'ConnectionPhase', 'WaitingFor', 'WaitingUntil']),
    );
    expect((await fetch(server.uiUrl!)).status).toBe(200);
    expect(existsSync(dbFile)).toBe(true);

    vi.stubEnv('TEMPORAL_ADDRESS', server.address);
    await withTemporal(server.address, (connection) =>
      connection.operatorService.removeSearchAttributes({ namespace: 'default', searchAttributes: ['WaitingFor'] }),
    );
    expect(await attributesOf(server.address)).not.toContain('WaitingFor');
    const same = await startTemporal(owner, { logFolder, ui: true });
    expect(same).toMatchObject({ address: server.address, source: 'TEMPORAL_ADDRESS', version: server.version });
    expect(await attributesOf(server.address)).toContain('WaitingFor');
    await same.stop();
    expect(await attributesOf(server.address)).toContain('App');
    await server.stop();
  });

  it('has no UI when none is wanted', async () => {
    const server = await startTemporal(owner, { logFolder, ui: false });
    expect(server.uiUrl).toBeUndefined();
    await server.stop();
  });
});

it('the time-skipping server is found', async () => {
  const found = await findTimeSkippingServer(owner);
  expect(existsSync(found.value)).toBe(true);
});

describe('moto', () => {
  it('serves, or says why it cannot be had', async () => {
    const server = await startMoto(owner, { logFolder });
    if ('unavailable' in server) throw new Error(`moto has to be there for the tests: ${server.unavailable}`);
    const response = await fetch(`${server.endpoint}/moto-api/data.json`);
    expect(response.status).toBe(200);
    await response.body?.cancel();
    await server.stop();
  }, 600_000);

  it('is a plain result, not a crash, where Python is missing', async () => {
    vi.stubEnv('PATH', owner.folder('castellan-test'));
    const result = await startMoto(owner, { logFolder });
    expect(result).toEqual({ unavailable: expect.stringContaining('Python is missing') as string });
  });
});
