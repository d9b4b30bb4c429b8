import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Charge } from '../../connectors/quota.ts';
import { ProcessOwner } from '../../local/processes.ts';
import { newLogFolder } from '../../local/servers/cache-folder.ts';
import { startMongo } from '../../local/servers/start-mongo.ts';
import { fairness } from '../support/fairness.ts';
import type { LimitKind } from '../support/limit-counters.ts';
import { startLimitedServer } from '../support/limited-server.ts';
import type { LimitedVendor } from '../support/limited-vendor.ts';
import type { Measured } from './measured.ts';
import { paceOkta } from './pacing-okta.ts';
import type { PacingWork } from './pacing-worker.ts';

/** A limit of 200 calls in 10 s, as the vendor counts it: three windows of it are long enough to tell 98 % from 97 %. */
const limit = 200;
const windowMs = 10_000;
const windows = 3;
const kinds: readonly LimitKind[] = ['fixed', 'sliding', 'bucket'];
const wanted = 0.98;
/** Of half the limit, below 200 calls a window: all but three calls. */
const wantedOfHalf = 0.97;

/** How much of a limit one process uses, and whether it is ever refused: three kinds of limit, and Okta's own. */
export const pacing = (): Promise<Measured[]> =>
  withMongo(async (uri, owner) => {
    const [own, okta] = await Promise.all([
      ofEachKind(uri, { processes: [{ one: 4 }] }),
      paceOkta(owner, uri, { windowMs, windows }),
    ]);
    return [
      ...own.map(({ kind, vendor }) =>
        used(`pacing-${kind}`, vendor.utilisation(windows), { refused: vendor.refused.length }),
      ),
      used('pacing-okta', okta.utilisation, okta),
    ];
  });

/** Three connections of unequal appetite on one quota, two of them in one process. */
export const pacingShared = (): Promise<Measured[]> =>
  withMongo(async (uri) => {
    const processes: Record<string, number>[] = [{ hungry: 6, modest: 2 }, { elsewhere: 4 }];
    const measured = await ofEachKind(uri, { processes });
    return measured.flatMap(({ kind, vendor }) => {
      const each = Object.assign({}, ...processes) as Record<string, number>;
      const calls = Object.keys(each).map((name) => vendor.paths.filter((path) => path === `/${name}`).length);
      const details = { refused: vendor.refused.length, calls };
      const index = fairness(calls);
      return [
        used(`pacing-shared-${kind}`, vendor.utilisation(windows), details),
        {
          name: `pacing-shared-${kind}-fairness`,
          figure: round(index),
          limit: wanted,
          unit: "by Jain's index",
          holds: index >= wanted,
          details,
        },
      ];
    });
  });

/**
 * The vendor halves the limit in the middle of a window, without a word: a call of each process may be refused, for what
 * another has under way cannot be called back.
 */
export const pacingHalved = (): Promise<Measured[]> =>
  withMongo(async (uri) => {
    const halve = (vendor: LimitedVendor) => {
      const timer = setTimeout(() => vendor.setLimit(limit / 2), windowMs * 1.5);
      return () => clearTimeout(timer);
    };
    const scenes: Record<string, number>[][] = [[{ one: 4 }], [{ one: 4 }, { two: 4 }]];
    const measured = await Promise.all(
      scenes.map((processes) => ofEachKind(uri, { processes, disturb: halve, windows: 4 })),
    );
    return measured.flatMap((servers, n) =>
      servers.map(({ kind, vendor }) => ({
        name: `pacing-halved-${kind}-${n + 1}`,
        figure: vendor.refused.length,
        limit: n + 1,
        unit: 'refused at most',
        // Nor is it enough to stand still: what is left of the limit is used.
        holds: vendor.refused.length <= n + 1 && vendor.between(3, 4) >= (limit / 2) * wantedOfHalf,
        details: { acceptedInLastWindow: vendor.between(3, 4), of: limit / 2 },
      })),
    );
  });

/** Somebody else takes three calls of ten, evenly. */
export const pacingOthers = (): Promise<Measured[]> =>
  withMongo(async (uri) => {
    const other = (vendor: LimitedVendor) => {
      const timer = setInterval(() => vendor.consume(1), windowMs / (0.3 * limit));
      return () => clearInterval(timer);
    };
    const measured = await ofEachKind(uri, { processes: [{ one: 4 }, { two: 4 }], disturb: other, windows: 4 });
    return measured.map(({ kind, vendor }) =>
      used(`pacing-others-${kind}`, vendor.utilisation(4), {
        refused: vendor.refused.length,
        others: { accepted: vendor.others.accepted.length, refused: vendor.others.refused.length },
      }),
    );
  });

interface Scene {
  /** For each process, how many callers each of its connections has. */
  processes: readonly Record<string, number>[];
  disturb?: (vendor: LimitedVendor) => () => void;
  windows?: number;
}

/** The three kinds of limit side by side, each with a bucket of its own. */
async function ofEachKind(uri: string, { processes, disturb, windows: many = windows }: Scene) {
  const servers = await Promise.all(kinds.map((kind) => startLimitedServer({ kind, limit, windowMs })));
  const works = processes.map((connections): PacingWork => ({
    uri,
    database: 'pacing',
    forMs: windowMs * many + 500,
    calls: servers.flatMap((server) => {
      const charge: Charge = { bucket: server.url, kind: 'rate', limit, windowMs };
      return Object.entries(connections).map(([connection, callers]) => ({
        url: `${server.url}${connection}`,
        charge,
        connection,
        callers,
      }));
    }),
  }));
  const quiet = await callTogether(works, () => servers.map(({ vendor }) => disturb?.(vendor)));
  for (const end of quiet) end?.();
  await Promise.all(servers.map((server) => server.close()));
  return servers.map(({ vendor }, n) => ({ kind: kinds[n]!, vendor }));
}

async function callTogether<T>(works: readonly PacingWork[], begun: () => T): Promise<T> {
  const program = fileURLToPath(new URL('./pacing-worker.ts', import.meta.url));
  const children = works.map((work) => fork(program, [JSON.stringify(work)]));
  const ended = children.map((child) => once(child, 'exit') as Promise<[number | null]>);
  try {
    await Promise.all(
      children.map((child, n) =>
        Promise.race([
          once(child, 'message'),
          ended[n]!.then(([code]) => Promise.reject(new Error(`a process of callers ended with ${code}`))),
        ]),
      ),
    );
    for (const child of children) child.send('go');
    const result = begun();
    for (const [code] of await Promise.all(ended))
      if (code !== 0) throw new Error(`a process of callers ended with ${code}`);
    return result;
  } finally {
    for (const child of children) child.kill();
  }
}

async function withMongo<T>(work: (uri: string, owner: ProcessOwner) => Promise<T>): Promise<T> {
  const owner = new ProcessOwner();
  try {
    return await work((await startMongo(owner, { logFolder: newLogFolder() })).uri, owner);
  } finally {
    await owner.stop();
  }
}

const round = (figure: number) => Math.round(figure * 10_000) / 10_000;
const used = (name: string, figure: number, details: Record<string, unknown> & { refused: number }): Measured => ({
  name,
  figure: round(figure),
  limit: wanted,
  unit: 'of the limit, none refused',
  holds: figure >= wanted && details.refused === 0,
  details,
});
