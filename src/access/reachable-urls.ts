import { hostname } from 'node:os';

/**
 * URLs of doors of ours as devices elsewhere can use them: a door that listens on all addresses is at none of them, so the host of
 * PUBLIC_URL stands in its place, or else the name of this machine.
 */
export function reachableUrls(urls: readonly string[], publicUrl: string | undefined): string[] {
  const host = publicUrl === undefined ? hostname() : new URL(publicUrl).hostname;
  return urls.map((url) => url.replace(/:\/\/(0\.0\.0\.0|\[::\]|::)(?=:\d+$)/, `://${host}`));
}
