import { isUtf8 } from 'node:buffer';
import { fileTypeFromBuffer } from 'file-type';

/** So many bytes from the beginning tell what there is to tell; some containers name their kind only after a while. */
export const headBytes = 64 * 1024;

/** What the bytes are, whatever their name says; undefined where they tell nothing. `whole`: no more follow. */
export async function mediaTypeOf(head: Uint8Array, whole: boolean): Promise<string | undefined> {
  const found = await fileTypeFromBuffer(head);
  if (found) return found.mime;
  return head.length > 0 && isText(head, whole) ? 'text/plain' : undefined;
}

/** UTF-8 without control characters; where the head was cut its last letter may be incomplete. */
function isText(head: Uint8Array, whole: boolean): boolean {
  const controls = head.some((byte) => byte < 32 && ![9, 10, 12, 13, 27].includes(byte));
  const cuts = whole ? [0] : [0, 1, 2, 3];
  return !controls && cuts.some((cut) => isUtf8(head.subarray(0, head.length - cut)));
}
