import { request as send } from 'undici';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { box } from '../../connectors/box/index.ts';
import type { OpenOptions, Session } from '../../connectors/connector.ts';
import type { Ref } from '../../connectors/pages.ts';
import { createBoxSimulator, type BoxSimulator, type BoxSimulatorOptions } from '../../simulators/box/simulator.ts';
import { createOpenGovernor } from '../support/open-governor.ts';

export const quiet = { duplicateProbability: 0, lateProbability: 0, shortPageProbability: 0, limitFactor: 1000 };

export const settingsOf = (simulator: BoxSimulator, more: object = {}) => ({
  enterpriseId: simulator.enterpriseId,
  baseUrl: simulator.url,
  uploadUrl: simulator.uploadUrl,
  downloadUrl: simulator.downloadUrl,
  ...more,
});
export const credentialOf = ({ clientId, clientSecret }: BoxSimulator, more: object = {}) => ({
  type: 'clientCredentials',
  clientId,
  clientSecret,
  ...more,
});

/** Who owns an item, as a store would know it after a scan. */
export function ownerIn(simulator: BoxSimulator) {
  return async ({ kind, vendorId }: Pick<Ref, 'kind' | 'vendorId'>): Promise<string | undefined> => {
    const [, id = ''] = vendorId.split(':');
    return kind === 'files' && /^\d+$/.test(id) ? simulator.control.item({ id })?.owner : undefined;
  };
}

export interface BoxEnterprise {
  simulator: BoxSimulator;
  open(options?: Partial<OpenOptions>, settings?: object): Session;
  owner: string;
  close(): Promise<void>;
}

let opened = 0;

export async function startEnterprise(options: BoxSimulatorOptions = {}): Promise<BoxEnterprise> {
  const simulator = await createBoxSimulator({ ...options, knobs: { ...quiet, ...options.knobs } });
  // Remembered from before, as a store would: after an action somebody else may hold the item.
  const seen = new Map<string, string>();
  const lookUp = ownerIn(simulator);
  const partOf: OpenOptions['partOf'] = async (ref) => {
    const known = seen.get(ref.vendorId) ?? (await lookUp(ref));
    if (known !== undefined) seen.set(ref.vendorId, known);
    return known;
  };
  return {
    simulator,
    owner: simulator.control.createUser({ login: 'owner@acme.test', name: 'Owner' } as never).id,
    open: (more = {}, settings = {}) =>
      box.open({
        connectionId: 'box',
        settings: settingsOf(simulator, settings),
        credential: credentialOf(simulator),
        credentialVersion: (opened += 1),
        governor: createOpenGovernor(),
        urgency: 'sweep',
        signal: new AbortController().signal,
        allowLocalOrigins: true,
        partOf,
        ...more,
      }),
    close: () => simulator.close(),
  };
}

export interface SentRequest {
  method: string;
  /** Without the version in front. */
  path: string;
  /** Names of its parameters. */
  query: string[];
  body?: unknown;
  /** Of an upload: its parts in their order, `attributes` read. */
  form?: Record<string, unknown>;
}

/** Parts are divided by what the content type says; Box wants `attributes` before the content. */
function formOf(contentType: string, body: string): Record<string, unknown> {
  const boundary = contentType.split('boundary=')[1] ?? '';
  const parts = body.split(`--${boundary}`).flatMap((part): [string, unknown][] => {
    const name = /name="(\w+)"/.exec(part)?.[1];
    const content = part.slice(part.indexOf('\r\n\r\n') + 4, -2);
    return name ? [[name, name === 'attributes' ? (JSON.parse(content) as unknown) : content]] : [];
  });
  return Object.fromEntries(parts);
}

export interface HoldingProxy {
  sent: SentRequest[];
  url: string;
  /** The next list whose path and query match is answered by an empty page that leads to the real one. */
  hold(path: string): void;
  release(): void;
  close(): Promise<void>;
}

/** In front of a simulator: an empty page in the middle of a list, with a marker of its own, as Box may send one. */
export async function createHoldingProxy(target: string): Promise<HoldingProxy> {
  let pattern: RegExp | undefined;
  const sent: SentRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => void forward().catch((error: unknown) => outgoing.destroy(error as Error)));
    const forward = async () => {
      const url = new URL(incoming.url ?? '/', target);
      const marker = url.searchParams.get('marker');
      const type = incoming.headers['content-type'] ?? '';
      const body = Buffer.concat(chunks).toString('utf8');
      sent.push({
        method: incoming.method ?? '',
        path: url.pathname.replace(/^(\/api)?\/2\.0/, ''),
        query: [...url.searchParams.keys()],
        ...(type === 'application/json' ? { body: JSON.parse(body) as unknown } : {}),
        ...(type.startsWith('multipart/') ? { form: formOf(type, body) } : {}),
      });
      if (marker?.startsWith('held ')) {
        if (marker === 'held ') url.searchParams.delete('marker');
        else url.searchParams.set('marker', marker.slice('held '.length));
      } else if (pattern?.test(incoming.url ?? '')) {
        pattern = undefined;
        outgoing.setHeader('content-type', 'application/json');
        outgoing.end(JSON.stringify({ entries: [], next_marker: `held ${marker ?? ''}` }));
        return;
      }
      const { host: _, connection: _kept, 'content-length': _length, ...headers } = incoming.headers;
      const answer = await send(url, {
        method: incoming.method as 'GET',
        headers: headers as Record<string, string>,
        body: chunks.length > 0 ? Buffer.concat(chunks) : undefined,
      });
      const { connection: _c, 'keep-alive': _k, 'transfer-encoding': _t, ...given } = answer.headers;
      outgoing.writeHead(answer.statusCode, given as Record<string, string>);
      for await (const chunk of answer.body) outgoing.write(chunk);
      outgoing.end();
    };
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    sent,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: (path) => void (pattern = new RegExp(path)),
    release: () => void (pattern = undefined),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
