/** Entity tags and the conditions that name them (RFC 9110, sections 8.8.3 and 13.1). */
import { refusals } from './refusals.ts';

/** The strong tag of an object: the instant of its last change, which every change moves on by at least a millisecond. */
export function etagOf(updatedAt: string | Date): string {
  return `"${new Date(updatedAt).getTime().toString(36)}"`;
}

/** Whether an If-Match header lets a change through; it compares strongly, so a weak tag never matches. */
export function ifMatchHolds(header: string | undefined, etag: string): boolean {
  return header === undefined || header.trim() === '*' || tagsOf(header).includes(etag);
}

/** Throws precondition_failed where an If-Match header names no version that is the present one. */
export function requireMatch(header: string | undefined, updatedAt: string | Date): void {
  const etag = etagOf(updatedAt);
  if (!ifMatchHolds(header, etag)) throw refusals.preconditionFailed(etag);
}

/** Whether an If-None-Match header names the present version; it compares weakly. */
export function ifNoneMatchNames(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || tagsOf(header).some((tag) => tag.replace(/^W\//, '') === etag);
}

function tagsOf(header: string): string[] {
  return header.match(/(?:W\/)?"[^"]*"/g) ?? [];
}
