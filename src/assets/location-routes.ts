import { requireSite } from '../access/api-key.ts';
import { type CollectionNeeds, nounRoutes } from '../access/collection-routes.ts';
import type { Mount, RouteScope } from '../platform/mount.ts';
import { refusals } from '../platform/refusals.ts';
import { changeLocation, createLocation, removeLocation } from './change-location.ts';
import { Location, LocationChange, LocationQuery, locationList, NewLocation } from './location.ts';
import { findLocation, listLocations } from './location-store.ts';

/** Places: list, one, make, change, delete. */
export function locationRoutes(app: RouteScope, mount: Mount, needs: CollectionNeeds): void {
  nounRoutes(app, mount, needs, {
    ...{ path: 'locations', noun: 'Location', nouns: 'Locations', tag: 'Assets' },
    scopes: { read: 'assets:read', write: 'assets:write' },
    shown: Location,
    list: {
      summary: 'List places: buildings, floors, rooms, zones',
      of: locationList,
      query: LocationQuery,
      find: (db, { area }, { filter, page }) => listLocations(db, area, filter, page),
    },
    one: {
      summary: 'Get one place',
      get: async (db, { area }, id) => {
        const found = await findLocation(db, area, id);
        if (!found) throw refusals.locationNotFound(id);
        requireSite(area.caller, found.siteId);
        return found.location;
      },
    },
    creation: {
      summary: 'Make a place',
      body: NewLocation,
      add: (trx, { area, at }, body) => createLocation(trx, area, { body, at }),
    },
    change: {
      summary: 'Change what is known of a place',
      about: [
        'Idempotent: the same change twice leaves what it left the first time.',
        'Of a place that comes from a building model only the metadata change here: the next import of the model would set all else again.',
      ].join('\n\n'),
      body: LocationChange,
      apply: (trx, { area, at }, which) => changeLocation(trx, area, { ...which, at }),
    },
    removal: {
      summary: 'Delete a place that holds neither places nor equipment',
      remove: (trx, { area }, which) => removeLocation(trx, area, which),
    },
  });
}
