import { MongoClient, type Db } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../test/support/use-database.ts';
import { createClock } from './clock.ts';

const { uri, name } = useDatabase();
const client = new MongoClient(uri);
beforeAll(async () => void (await client.connect()));
afterAll(() => client.close());

/** Answers `hello` with the time, after moving the monotonic clock by half of each round trip, there and back. */
function fakeMongo(server: { at: number }, local: { at: number }, roundTrips: number[]): Db {
  const hello = async () => {
    const roundTrip = roundTrips.shift() ?? 0;
    local.at += roundTrip / 2;
    server.at += roundTrip / 2;
    const localTime = new Date(server.at);
    local.at += roundTrip / 2;
    server.at += roundTrip / 2;
    return { localTime };
  };
  return { admin: () => ({ command: hello }) } as unknown as Db;
}

test("tells MongoDB's time, not that of its own machine", async () => {
  const server = { at: 1_000_000 };
  const local = { at: 5 };
  const clock = await createClock(fakeMongo(server, local, [40, 40, 40]), { monotonic: () => local.at });
  clock.stop();
  expect(clock.now().getTime()).toBe(server.at);
  local.at += 250;
  expect(clock.now().getTime()).toBe(server.at + 250);
});

test('believes the quickest answer', async () => {
  const server = { at: 1_000_000 };
  const local = { at: 0 };
  let n = 0;
  const db = {
    admin: () => ({
      command: async () => {
        // The second answer is at once and exact; the others are held up on the way back only.
        const localTime = new Date(server.at);
        const late = n++ === 1 ? 0 : 600;
        local.at += late;
        server.at += late;
        return { localTime };
      },
    }),
  } as unknown as Db;
  const clock = await createClock(db, { monotonic: () => local.at });
  clock.stop();
  expect(clock.now().getTime()).toBe(server.at);
});

test('keeps its offset when MongoDB is away, and says so', async () => {
  const server = { at: 1_000_000 };
  const local = { at: 0 };
  let away = false;
  const there = fakeMongo(server, local, []);
  const db = {
    admin: () => ({
      command: () => (away ? Promise.reject(new Error('away')) : there.admin().command({ hello: 1 })),
    }),
  } as unknown as Db;
  let tell: (error: unknown) => void = () => undefined;
  const failed = new Promise<unknown>((resolve) => (tell = resolve));
  const clock = await createClock(db, { monotonic: () => local.at, everyMs: 1, failed: (error) => tell(error) });
  away = true;
  expect(await failed).toEqual(new Error('away'));
  clock.stop();
  local.at += 7;
  expect(clock.now().getTime()).toBe(1_000_007);
});

test('measures a real server, whose clock lies between the asking and the answer', async () => {
  const clock = await createClock(client.db(name));
  clock.stop();
  const told = async () => (await client.db(name).admin().command({ hello: 1 })).localTime.getTime() as number;
  const before = await told();
  const now = clock.now().getTime();
  const after = await told();
  // A second to either side: what is looked for is a wrong sign, unit or zero, not the machine's mood.
  expect(now).toBeGreaterThanOrEqual(before - 1000);
  expect(now).toBeLessThanOrEqual(after + 1000);
});
