import type { Stage } from '../connector.ts';
import type { Page, PageRequest, Part } from '../pages.ts';
import type { ActivityRecord } from '../records.ts';
import { eventsChanges, eventsPartPrefix, eventsSweep } from './lookup-events.ts';
import type { AwsSession, AwsSettings } from './settings.ts';
import { trailChanges, trailParts, trailSweep } from './trail-files.ts';

async function parts(session: AwsSession): Promise<Page<Part>> {
  const { settings } = session;
  const history: Part[] =
    settings.eventHistory === 'off'
      ? []
      : settings.regions.map((region) => ({
          id: `${eventsPartPrefix}${region}`,
          title: `event history of ${region}`,
        }));
  return { records: [...history, ...(settings.trailBucket ? await trailParts(session, settings.trailBucket) : [])] };
}
const isHistory = (request: PageRequest) => request.part.id.startsWith(eventsPartPrefix);

const day = 86_400_000;

/** CloudTrail twice: its log files in S3, and the event history of each Region. Both give an event the same id. */
export const activitiesStage: Stage<ActivityRecord, AwsSettings> = {
  parts,
  sweep: (session, request) => (isHistory(request) ? eventsSweep : trailSweep)(session, request),
  changes: (session, request) => (isHistory(request) ? eventsChanges : trailChanges)(session, request),
  // Log files are there for as long as the customer keeps them; the event history ends by itself after 90 days.
  retentionMs: 3650 * day,
  // Delivery is within minutes, but a misconfigured bucket is tried again for 30 days; the files' own feed brings those.
  latenessMs: day,
};
