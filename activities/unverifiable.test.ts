import { expect, it } from 'vitest';
import { useGovernedBox } from '../test/support/use-governed-box.ts';

const box = useGovernedBox();

it('an outcome that the app does not show is asked for and done, and is not called verified', async () => {
  const { _id } = await box.ask('revokeSessions', { accountId: box.owner });
  await box.lane();
  const done = await box.get(_id);
  expect(done).toMatchObject({
    state: 'done',
    verified: false,
    problem: {
      kind: 'unverified',
      who: 'nobody',
      what: expect.stringMatching(/^asked for: Box ends sessions by a job/),
    },
  });
  expect(done.finishedAt).toBeInstanceOf(Date);
  expect(JSON.stringify(done.after)).not.toContain('revoked');
});
