/** The URI of equipment of which nobody has said one: it tells the site and the name that it had first. */
export function madeUpUri({ site, name }: { readonly site: string; readonly name: string }): string {
  return `urn:faultline:${site}:${encodeURIComponent(name)}`;
}
