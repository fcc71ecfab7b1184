import { parseArgs } from 'node:util';
import { addTenant } from '../access/tenant/add-tenant.ts';
import { listAllTenants } from '../access/tenant/tenant-list-store.ts';
import type { Database } from '../platform/database.ts';
import { isTimeZone } from '../platform/time-zone.ts';
import { print, printJson } from './rules/print.ts';
import { withDatabase } from './with-database.ts';

const usage = `usage: faultline tenants COMMAND [--json]

  list                the tenants of this installation
  add NAME            a tenant with a site and an administrator, whose password is shown this once
    --time-zone ZONE  its time zone and that of its site (UTC)
    --site SLUG       its first site (main)
    --email ADDRESS   that of its administrator (admin@localhost)`;

const slugForm = /^[a-z0-9][a-z0-9-]{0,62}$/;
const emailForm = /^[^\s@]+@[^\s@]+$/;

type Adding = { readonly name: string; readonly timeZone: string; readonly siteSlug: string; readonly email?: string };

/**
 * `faultline tenants`: lists the tenants of an installation and adds one, which no API can do. Resolves with the exit code; rejects
 * with a sentence where something stands against it.
 */
export async function runTenants(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      'time-zone': { type: 'string', default: 'UTC' },
      site: { type: 'string', default: 'main' },
      email: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [command, name, ...others] = positionals;
  if (!values.help && others.length === 0) {
    if (command === 'list' && name === undefined) return withDatabase((database) => list(database, values.json));
    if (command === 'add' && name !== undefined) {
      const { 'time-zone': timeZone, site: siteSlug, email } = values;
      const adding = checked({ name: name.trim(), timeZone, siteSlug, ...(email !== undefined && { email }) });
      return withDatabase((database) => add(database, adding, values.json));
    }
  }
  print(usage);
  return values.help ? 0 : 2;
}

function checked(adding: Adding): Adding {
  const { name, timeZone, siteSlug, email } = adding;
  if (!/^\P{Cc}{1,200}$/u.test(name)) throw new Error('NAME must have 1 to 200 characters');
  if (!isTimeZone(timeZone))
    throw new Error(`--time-zone ${timeZone} must be an IANA time zone, such as Europe/London`);
  if (!slugForm.test(siteSlug))
    throw new Error(`--site ${siteSlug} must be small letters, digits and hyphens, 63 at most`);
  if (email !== undefined && !emailForm.test(email)) throw new Error(`--email ${email} must be an e-mail address`);
  return adding;
}

async function list({ db }: Database, asJson: boolean): Promise<number> {
  const tenants = await listAllTenants(db);
  for (const tenant of tenants) {
    const { id, name, plan, livemode, sites, users } = tenant;
    if (asJson) printJson(tenant);
    else print(`${id}  ${livemode ? 'live' : 'test'}  ${plan.padEnd(4)}  sites: ${sites}  people: ${users}  ${name}`);
  }
  return 0;
}

async function add({ db }: Database, { email, ...adding }: Adding, asJson: boolean): Promise<number> {
  const { id, username, password } = await addTenant(db, { ...adding, email });
  if (asJson) printJson({ id, username, password });
  else {
    print(`the tenant ${adding.name} is ${id}`);
    print(`User name and password, shown this once:  ${username}  ${password}`);
  }
  return 0;
}
