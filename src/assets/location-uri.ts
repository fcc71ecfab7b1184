import { Uri } from './kept-fields.ts';

type Place = {
  readonly id: string;
  readonly site: string;
  readonly uri: string | null;
  readonly source: string | null;
  readonly external_id: string | null;
};

/** The URI of a place: its own; or what its building model calls it, where that is one; or else one that is made of its id. */
export function uriOfLocation({ id, site, uri, source, external_id }: Place): string {
  if (uri !== null) return uri;
  if (source !== null && external_id !== null && Uri.safeParse(external_id).success) return external_id;
  return `urn:faultline:${site}:location:${id}`;
}
