/** The URI of equipment of which nobody has said one: it tells the site and the name that it had first. */
export function madeUpUri({ site, name }: { readonly site: string; readonly name: string }): string {
  return `urn:faultline:${site}:${encodeURIComponent(name)}`;
}

/** What equipment has instead, where other equipment has that URI, since it once had the name or a person gave it that. */
export function ownUri(uri: string, id: string): string {
  return `${uri}:${id}`;
}
