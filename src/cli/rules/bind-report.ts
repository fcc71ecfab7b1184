import type { Binding, BoundRule } from '../../rules/kernel/bind.ts';
import { enabledOf, variantAt } from '../../rules/language/override.ts';
import { print } from './print.ts';

/** A piece of equipment as it is told of, and its rules. */
export type NamedBinding = { readonly name: string; readonly className: string; readonly binding: Binding };

type Report = { readonly place: string; readonly form: 'summary' | 'all' };

/**
 * What runs on the equipment of a plant, whose name and a slash are `place` where there are several. A summary has a line for each
 * group of assets on which the same runs, and one for each input that keeps a rule from running; else there is a line for each rule and asset.
 */
export function printBindings(bindings: readonly NamedBinding[], { place, form }: Report): void {
  if (form === 'all') for (const one of bindings) printBinding(one);
  else printSummary(bindings);
  print(sum(bindings, place));
}

/** Whether a rule runs at present, as overrides leave it. */
export function enabledNow({ variants }: BoundRule): ReturnType<typeof enabledOf> {
  return enabledOf(variantAt(variants, Date.now()));
}

function printBinding({ name, className, binding: { bound, missing } }: NamedBinding): void {
  for (const one of bound) print(`${name}: ${one.rule.id} ${inWords(one)}`);
  for (const { rule, input, reason } of missing) print(`${name}: ${rule} cannot run: ${input}: ${reason}`);
  if (bound.length + missing.length === 0) print(`${name}: no rule is for ${className}`);
}

function printSummary(bindings: readonly NamedBinding[]): void {
  const groups = Map.groupBy(bindings, describeRunning);
  for (const [words, own] of groups) print(`${namesOf(own)}: ${words}`);
  printLacking(bindings);
}

/** The rules that run, and apart from them those that would if no override kept them from it. */
function describeRunning({ className, binding: { bound, missing } }: NamedBinding): string {
  if (bound.length === 0)
    return missing.length > 0 ? `no rule for ${className} can run` : `no rule is for ${className}`;
  const groups = Map.groupBy(bound, inWords);
  return [...groups].map(([words, own]) => `${own.map(({ rule }) => rule.id).join(', ')} ${words}`).join('; ');
}

/** Each input that keeps a rule from running, with the reason that most of the equipment has for it. */
function printLacking(bindings: readonly NamedBinding[]): void {
  const lacking = bindings.flatMap((one) => one.binding.missing.map((lack) => ({ ...lack, one })));
  const groups = Map.groupBy(lacking, ({ rule, input }) => `${rule} cannot run: ${input}`);
  if (groups.size > 0) print('');
  for (const [words, own] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const reasons = [...Map.groupBy(own, ({ reason }) => reason)].sort(([, a], [, b]) => b.length - a.length);
    const others = reasons.length > 1 ? `; ${reasons.length - 1} other reasons with --all` : '';
    print(`${words}: ${reasons[0]?.[0]} (${namesOf(own.map(({ one }) => one))}${others})`);
  }
}

function namesOf(bindings: readonly NamedBinding[]): string {
  const names = [...new Set(bindings.map(({ name }) => name))];
  if (names.length <= namesShown) return names.join(', ');
  return `${names.slice(0, namesShown - 1).join(', ')} and ${names.length - namesShown + 1} others`;
}

const namesShown = 4;

/** How much runs, in a line. */
function sum(named: readonly NamedBinding[], place: string): string {
  const bindings = named.map(({ binding }) => binding);
  const where = place === '' ? '' : `${place.slice(0, -1)}: `;
  if (bindings.length === 0) return `${where}no equipment with a class: no rule is for it`;
  const runs = bindings.reduce((total, { bound }) => total + bound.length, 0);
  const rules = new Set(bindings.flatMap(({ bound }) => bound.map(({ rule }) => rule.id))).size;
  const lacking = bindings.reduce((total, { missing }) => total + new Set(missing.map(({ rule }) => rule)).size, 0);
  const pieces = bindings.length === 1 ? '1 piece' : `${bindings.length} pieces`;
  return `${where}${pieces} of equipment: ${rules} ${rules === 1 ? 'rule runs' : 'rules run'}, ${runs} times in all; ${lacking} times one cannot`;
}

/** What becomes of a rule that could run, as overrides have it now. */
function inWords(bound: BoundRule): string {
  const enabled = enabledNow(bound);
  if (enabled === true) return 'runs';
  if (enabled === false) return 'is off for now';
  return enabled === 'paused' ? 'is paused' : 'runs on trial';
}
