import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { activityRecordOf, type TrailEvent } from '../../connectors/aws/ocsf.ts';
import type { AwsSession } from '../../connectors/aws/settings.ts';
import { recordSchemas } from '../../connectors/records.ts';
import { createOcsfValidator, sharedFolder } from './ocsf-validator.ts';

const specs = sharedFolder('CASTELLAN_SPECS', 'specs');
const samplesFolder = sharedFolder('CASTELLAN_SAMPLES', 'samples');
const samples: TrailEvent[] = samplesFolder
  ? (JSON.parse(readFileSync(`${samplesFolder}/aws-cloudtrail.json`, 'utf8')) as TrailEvent[])
  : [];
const problemsOf = specs ? createOcsfValidator(specs) : () => [];

describe.runIf(specs && samplesFolder)(
  'real CloudTrail records (skipped where specs and samples are not there)',
  () => {
    const session = {
      settings: {},
      identity: { accessKeyId: 'AKIAOURS' },
      now: () => new Date(),
    } as unknown as AwsSession;

    it('are valid OCSF 1.8, whole and with any member missing, null or of another type', { timeout: 60_000 }, () => {
      for (const sample of samples) {
        const variants = Object.keys(sample).flatMap((name) => {
          const { [name]: _, ...rest } = sample;
          return [rest, { ...sample, [name]: null }, { ...sample, [name]: 'text' }, { ...sample, [name]: { a: [1] } }];
        });
        expect(variants.length).toBeGreaterThan(40);
        for (const event of [sample, ...variants]) {
          const record = activityRecordOf(event, 'test', session);
          expect({ event, problems: problemsOf(record.event) }).toEqual({ event, problems: [] });
          expect(recordSchemas.activities.safeParse(record).error).toBeUndefined();
        }
      }
    });
  },
);
