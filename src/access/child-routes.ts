/** Collections below each member of another one, such as the tasks of work orders. */
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope } from '../platform/mount.ts';
import type { Area, Scope } from './api-key.ts';
import {
  type Asked,
  type Collection,
  type CollectionNeeds,
  collectionRoutes,
  idOf,
  type Place,
  type Versioned,
} from './collection-routes.ts';

/** What children belong to. Who may read it reads them, and who may write it writes them. */
export type Parent = {
  /** The collection of its routes: `work-orders`. */
  readonly collection: string;
  readonly tag: string;
  readonly scopes: { readonly read: Scope; readonly write: Scope };
  /** Throws where there is none for the caller: not found, or site_forbidden. */
  find(db: Db, area: Area, id: string): Promise<unknown>;
};

/** Below which parent, by its id, and for whom. */
export type Below = { readonly area: Area; readonly id: string };
/** The same of what is written, and when. */
export type Writing = Below & { readonly at: Date };

type Children<C> = Omit<C, 'tag' | 'scopes'> & {
  readonly parent: Parent;
  /** Below that of the parent: `/tasks`. */
  readonly path: string;
  /** What the id of one is called in paths: `task_id`. */
  readonly idName: string;
};

/** GET of the list and of one, POST, PATCH and DELETE, as far as these children have them. */
export function childRoutes<Query extends Asked, Shown extends Versioned, Body, Change>(
  app: RouteScope,
  mount: Mount,
  needs: CollectionNeeds,
  { parent, path, idName, ...children }: Children<Collection<Writing, Query, Shown, Body, Change>>,
): void {
  const { collection, tag, scopes } = parent;
  const { list, member, listParams, memberParams } = mount.child(collection, path, idName);
  const place: Place<Writing> = {
    ...{ list, member: member(), listParams, memberParams, idName },
    where: ({ area, params }, at) => ({ area, id: idOf(params, 'id'), at }),
    enter: (db, { area, id }) => parent.find(db, area, id),
  };
  collectionRoutes(app, mount, needs, { place, of: { ...children, tag, scopes } });
}
