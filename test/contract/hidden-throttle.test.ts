import { afterEach, describe, expect, it } from 'vitest';
import { box } from '../../connectors/box/index.ts';
import { okta } from '../../connectors/okta/index.ts';
import type { Failure } from '../../connectors/kit/failures.ts';
import type { Fault } from '../../simulators/kit/vendor-faults.ts';
import { startEnterprise } from './box-enterprise.ts';
import { startOrg } from './okta-org.ts';

let close: () => Promise<void>;
afterEach(() => close());

interface Asked {
  fault: (rule: Fault) => void;
  users: () => Promise<unknown>;
}

async function oktaOrg(): Promise<Asked> {
  const { simulator, session } = await startOrg({ fill: { users: 5 } });
  close = simulator.close;
  return {
    fault: (rule) => void simulator.control.faults({ clear: true, add: [rule] }),
    users: () => okta.stages.users!.sweep!(session, { part: { id: 'accounts', title: '' } }),
  };
}

async function boxEnterprise(): Promise<Asked> {
  const enterprise = await startEnterprise({ fill: { users: 5, items: 10, events: 5 } });
  close = enterprise.close;
  return {
    fault: (rule) => void enterprise.simulator.control.faults({ clear: true, add: [{ path: '/users', ...rule }] }),
    users: () => box.stages.users!.sweep!(enterprise.open(), { part: { id: 'accounts', title: '' } }),
  };
}

describe.each<[string, () => Promise<Asked>]>([
  ['Okta', oktaOrg],
  ['Box', boxEnterprise],
])('a refusal for speed at %s', (_, start) => {
  // Taken for a missing right, the stage would be blind; taken for a page, its records would be missing.
  it.each([403, 200, 400])('is one also under status %i', async (status) => {
    const { fault, users } = await start();
    fault({ kind: 'throttle', status, ms: 7_000 });
    const failure = await users().then(
      () => expect.fail('a refusal was taken for a page'),
      (error: unknown) => error as Failure,
    );
    expect([failure.kind, failure.details.retryAfterMs]).toEqual(['throttled', 7_000]);
    expect(failure.details.bucket).toBeTruthy();
  });

  it('is a missing right where nothing speaks of speed', async () => {
    const { fault, users } = await start();
    fault({ kind: 'status', status: 403 });
    await expect(users()).rejects.toMatchObject({ kind: 'forbidden' });
  });
});
