import type { Fault as VendorFault } from '../../simulators/kit/vendor-faults.ts';
import type { Random } from '../../simulators/kit/seeded.ts';
import { THROTTLE_FORMS } from '../../simulators/kit/throttle-forms.ts';
import { onOkta, type Fault } from './fault.ts';
import { occasion, strike } from './vendor-strikes.ts';

const throttledMs = 1_500;

/** One after the other on the vendor's lists, in an order that chance decides. */
function spread(random: Random, lists: readonly string[], rules: readonly VendorFault[]): VendorFault[] {
  const order = rules.map((rule) => ({ rule, at: random() })).sort((a, b) => a.at - b.at);
  return order.map(({ rule }, at) => ({
    count: 1,
    path: lists[at % lists.length],
    skip: Math.floor(at / lists.length),
    ...rule,
  }));
}

const answers = (kind: string, rules: readonly VendorFault[]): Fault => ({
  kind,
  place: 'vendor',
  at: 'scan',
  inject: (world, random) => strike(world, spread(random, world.subject.asked.lists, rules)),
});

export const vendorAnswers: Fault[] = [
  answers(
    'throttled-in-every-header-form',
    THROTTLE_FORMS.map((form) => ({ kind: 'throttle', form, ms: throttledMs })),
  ),
  answers('throttled-for-an-absurd-time', [
    { kind: 'throttle', form: 'seconds', value: '-5' },
    { kind: 'throttle', form: 'seconds', value: '315360000' },
    { kind: 'throttle', form: 'seconds', value: 'soon' },
    { kind: 'throttle', form: 'reset', value: '99999999999' },
    { kind: 'throttle', form: 'reset', value: '-1' },
    { kind: 'throttle', form: 'rateLimit', value: 'NaN' },
  ]),
  answers('throttle-hidden-in-403-and-200', [
    { kind: 'throttle', status: 403, ms: throttledMs },
    { kind: 'throttle', status: 403, form: 'date', ms: throttledMs },
    { kind: 'throttle', status: 200, ms: throttledMs },
    { kind: 'throttle', status: 200, ms: throttledMs },
  ]),
  answers(
    'vendor-answers-500-502-503-504-408',
    [500, 502, 503, 504, 408].map((status) => ({ kind: 'status', status, count: 2 })),
  ),
  answers('vendor-resets-connections', [
    { kind: 'reset', count: 2 },
    { kind: 'reset' },
    { kind: 'reset', count: 3 },
    { kind: 'reset', path: '^/(api|2\\.0)/', probability: 0.1 },
  ]),
  answers('vendor-cuts-json', [
    { kind: 'truncated' },
    { kind: 'torn', count: 2 },
    { kind: 'truncated', count: 2 },
    { kind: 'torn' },
  ]),
  answers('vendor-answers-html-with-200', [{ kind: 'html' }, { kind: 'html', count: 2 }, { kind: 'html' }]),
  answers('vendor-answers-without-end', [{ kind: 'endless' }, { kind: 'endless' }]),
  {
    kind: 'vendor-acts-and-hangs-up',
    place: 'vendor',
    at: 'actions',
    async inject(world) {
      const { subject } = world;
      const steps = await subject.steps('plain');
      world.disrupted();
      const rule = { kind: 'reset', ...subject.asked.write, executed: true, count: 1 } as const;
      const [heal] = await Promise.all([strike(world, [rule]), subject.act(steps)]);
      return heal;
    },
  },
  {
    kind: 'vendor-halves-the-quota',
    place: 'vendor',
    at: 'any',
    ...onOkta(async (world) => {
      const { control } = world.subject;
      const { limitFactor } = await control.knobs();
      // From where it does not bite to where it does.
      await control.knobs({ limitFactor: 8 });
      await world.subject.scanning();
      await world.pause(10_000);
      await control.knobs({ limitFactor: 4 });
      return async () => void (await control.knobs({ limitFactor }));
    }),
  },
  {
    kind: 'vendor-date-ten-minutes-off',
    place: 'vendor',
    at: 'any',
    ...onOkta(async (world) => {
      const { subject } = world;
      const before = await subject.minted();
      await subject.scanning();
      // It was ten minutes behind until now. From the second time on it is only asked for new tokens: back it cannot go.
      await subject.control.knobs({ clockSkewMs: 600_000 });
      await subject.control.expireAccessTokens();
      await subject.control.turnNonce({ forget: true });
      await occasion(world, async () => (await subject.minted()) > before);
    }),
  },
];
