import { pacificOrNull } from './pacific-time.ts';
import type { Item, LinkAccess, SharedLink } from './objects.ts';
import type { BoxState } from './state.ts';

export const LINK_LEVELS: readonly LinkAccess[] = ['collaborators', 'company', 'open'];

/** The level that counts: never wider than the enterprise allows. */
export function effectiveAccess(state: BoxState, link: SharedLink): LinkAccess {
  const widest = LINK_LEVELS.indexOf(state.knobs.widestLink);
  return LINK_LEVELS[Math.min(widest, LINK_LEVELS.indexOf(link.access))] as LinkAccess;
}

export function linkUrl(state: BoxState, link: SharedLink): string {
  return `https://${state.enterprise.name.toLowerCase()}.box.com/s/${link.token}`;
}

/** `shared_link` of an item as Box writes it; null without one. */
export function renderLink(state: BoxState, item: Item): Record<string, unknown> | null {
  const link = state.links.get(item.id);
  if (!link) return null;
  const host = `https://${state.enterprise.name.toLowerCase()}.box.com`;
  const ending = item.name.includes('.') ? item.name.slice(item.name.lastIndexOf('.')) : '';
  const permission = link.canEdit ? 'can_edit' : link.canDownload ? 'can_download' : 'can_preview';
  return {
    url: linkUrl(state, link),
    download_url: item.type === 'file' && link.canDownload ? `${host}/shared/static/${link.token}${ending}` : null,
    vanity_url: link.vanityName === null ? null : `${host}/v/${link.vanityName}`,
    vanity_name: link.vanityName,
    access: link.access,
    effective_access: effectiveAccess(state, link),
    effective_permission: permission,
    unshared_at: pacificOrNull(link.unsharedAt),
    is_password_enabled: link.password !== null,
    permissions: { can_download: link.canDownload, can_preview: true, can_edit: link.canEdit },
    download_count: link.downloads,
    preview_count: link.previews,
  };
}
