/** What people are in their tenant, and what follows from it: a role is a set of scopes, and nothing else asks for roles. */
import { z } from 'zod';

export const Role = z
  .enum(['admin', 'manager', 'technician', 'viewer'])
  .describe(
    'What somebody may do: everything; all but people, teams, keys, promises (SLA) and the tenant; work on what there is; or look at it.',
  );
export type Role = z.infer<typeof Role>;

const scopesOfRole = {
  admin: ['read', 'write', 'admin'],
  manager: ['read', 'write'],
  technician: ['read', 'work-orders:write', 'insights:write'],
  viewer: ['read'],
} as const satisfies Record<Role, readonly string[]>;

/** The scopes of everybody who has a role. */
export function scopesOf(role: Role): readonly string[] {
  return scopesOfRole[role];
}
