import type { Db } from '../../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import type { Sealer } from '../../platform/sealer.ts';
import { certificateRoutes } from './certificates/certificate-routes.ts';
import { connectionRoutes } from './connections/connection-routes.ts';
import { discoveryRoutes } from './discovery/discovery-routes.ts';
import { gapRoutes } from './gaps/gap-routes.ts';
import { itemRoutes } from './items/item-routes.ts';
import { writeRoutes } from './writes/write-routes.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell; readonly sealer: Sealer };

/** Everything about OPC-UA, on the tenant's mount alone: connections, what they read, and whom they trust. */
export function opcuaRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  connectionRoutes(app, mount, needs);
  itemRoutes(app, mount, needs);
  discoveryRoutes(app, mount, needs);
  gapRoutes(app, mount, needs);
  certificateRoutes(app, mount, needs);
  writeRoutes(app, mount, needs);
}
