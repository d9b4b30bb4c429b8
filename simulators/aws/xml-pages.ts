/** The elements `<name>` that are direct children of the text, each with its tags; nested ones of the same name stay inside. */
export function children(text: string, name: string): string[] {
  const found: string[] = [];
  const tag = new RegExp(`<(/?)${name}(?=[\\s>/])[^>]*?(/?)>`, 'g');
  let depth = 0;
  let start = 0;
  for (let match = tag.exec(text); match; match = tag.exec(text)) {
    if (match[1] === '/') {
      depth--;
      if (depth === 0) found.push(text.slice(start, tag.lastIndex));
    } else if (match[2] !== '/') {
      if (depth === 0) start = match.index;
      depth++;
    }
  }
  return found;
}

const listPattern = (name: string) => new RegExp(`<${name}(?:\\s*/>|>[\\s\\S]*?</${name}>)`);

/** The one element `<name>` that holds a list, found by depth, as `member` elements hold lists of the same kind. */
function listOf(text: string, name: string): { whole: string; inner: string } | undefined {
  const [whole] = children(text, name);
  if (whole === undefined) {
    const empty = listPattern(name).exec(text)?.[0];
    return empty === undefined ? undefined : { whole: empty, inner: '' };
  }
  return { whole, inner: whole.slice(whole.indexOf('>') + 1, whole.lastIndexOf('<')) };
}

export const markerOf = (index: number): string => Buffer.from(`marker:${index}`).toString('base64url');
export function indexOf(marker: string | null): number | undefined {
  if (marker === null || marker === '') return 0;
  const found = /^marker:(\d+)$/.exec(Buffer.from(marker, 'base64url').toString('utf8'));
  return found ? Number(found[1]) : undefined;
}

/**
 * Cuts an IAM answer that moto gives whole: `size` members from `start` on, counted over all of `lists` in their order,
 * as GetAccountAuthorizationDetails does over users, groups, roles and policies.
 */
export function pageIam(
  text: string,
  operation: string,
  lists: readonly string[],
  start: number,
  size: number,
): string {
  const opening = `<${operation}Result>`;
  const from = text.indexOf(opening) + opening.length;
  const to = text.lastIndexOf(`</${operation}Result>`);
  let result = text.slice(from, to).replace(/<IsTruncated>[^<]*<\/IsTruncated>|<Marker>[^<]*<\/Marker>/g, '');
  let at = 0;
  for (const name of lists) {
    const list = listOf(result, name);
    if (!list) continue;
    const members = children(list.inner, 'member');
    const kept = members.filter((_, index) => at + index >= start && at + index < start + size);
    at += members.length;
    result = result.replace(list.whole, () => `<${name}>${kept.join('')}</${name}>`);
  }
  const more = at > start + size;
  const end = `<IsTruncated>${more}</IsTruncated>${more ? `<Marker>${markerOf(start + size)}</Marker>` : ''}`;
  return `${text.slice(0, from)}${result}${end}${text.slice(to)}`;
}

/** The same for the list of buckets, which S3 orders by name. */
export function pageBuckets(text: string, start: number, size: number): string {
  const list = listOf(text, 'Buckets');
  if (!list) return text;
  const name = (bucket: string) => /<Name>([^<]*)</.exec(bucket)?.[1] ?? '';
  const buckets = children(list.inner, 'Bucket').sort((a, b) => (name(a) < name(b) ? -1 : 1));
  const kept = buckets.slice(start, start + size);
  const token = buckets.length > start + size ? `<ContinuationToken>${markerOf(start + size)}</ContinuationToken>` : '';
  return text.replace(list.whole, () => `<Buckets>${kept.join('')}</Buckets>${token}`);
}

const entities: Record<string, string> = {
  '&quot;': '"',
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&apos;': "'",
  '&#34;': '"',
  '&#39;': "'",
};

/** IAM sends trust policies URL-encoded (RFC 3986), which moto does not. */
export function encodeTrusts(text: string): string {
  return text.replace(
    /<AssumeRolePolicyDocument>([\s\S]*?)<\/AssumeRolePolicyDocument>/g,
    (whole, document: string) => {
      const plain = document.replace(/&(quot|amp|lt|gt|apos|#34|#39);/g, (entity) => entities[entity] ?? entity);
      if (!plain.trimStart().startsWith('{')) return whole;
      return `<AssumeRolePolicyDocument>${encodeURIComponent(plain)}</AssumeRolePolicyDocument>`;
    },
  );
}
