/** What must hold in every run of a world, and at its end. */
import { check } from './check-failure.js';
import { classOf, factsOf, isGone, type Facts } from './facts.js';
import { covers, mergeChangeset } from './model-merging.js';
import { mergeSnapshot } from './model-snapshots.js';
import {
  createModelReplica,
  stateText,
  type ModelChangeset,
  type ModelReplica,
  type ModelTable,
} from './model-state.js';
import { checkBags } from './promises-bags.js';
import { checkColumns } from './promises-columns.js';
import { meantRow, rowsIn, viewOfModel, visibleIn, visibleText, type ModelRow, type ModelView } from './model-view.js';
import { doubleMarker, groupsOf, type World } from './world.js';

type Schema = readonly ModelTable[];

const tableOf = (schema: Schema, name: string): ModelTable => {
  const table = schema.find((each) => each.name === name);
  if (!table) throw new Error(`no table ${name}`);
  return table;
};

/** The row that the application meant, kept beside the reference for the judge, in a form that wins the same ties. */
const meant = (row: ModelRow, column: string): string | null => meantRow(row.columns[`meant_${column}`]);

export function checkCascade(schema: Schema, facts: Facts, before: ModelView, life: string): void {
  const row = [...before.all.values()].find((each) => each.lives.includes(life));
  const hasReason =
    row !== undefined &&
    tableOf(schema, row.table).references.some(
      ({ column, onDelete }) => onDelete === 'cascade' && isGone(facts, meant(row, column)),
    );
  check(hasReason, 'CASCADE: a child was deleted although its parent was not', () => life);
}

/** A parent comes back only for a row that an application could see. */
export function checkRevival(schema: Schema, facts: Facts, view: ModelView, revived: string): void {
  const needs = (row: ModelRow): boolean =>
    row.status !== 'cascading' &&
    tableOf(schema, row.table).references.some(({ column, onDelete }) => {
      const parent = meant(row, column);
      return parent !== null && onDelete !== 'set null' && classOf(facts, parent) === classOf(facts, revived);
    });
  const isOutdone = (row: ModelRow): boolean =>
    tableOf(schema, row.table).key === 'natural' &&
    rowsIn(view, row.table).some(
      (other) =>
        other.row > row.row &&
        other.columns['key']?.value === row.columns['key']?.value &&
        other.status !== 'cascading',
    );
  check(
    [...view.all.values()].some((row) => needs(row) && !isOutdone(row)),
    'REVIVED for a row that lost its key',
    () => revived,
  );
}

/** A row that was drained on both sides of a copy stands once, as long as it has the key that it was written with. */
function checkDoubles(view: ModelView): void {
  const written = [...view.all.values()].flatMap(({ table, row, columns: { key, b } }) =>
    key && typeof b?.value === 'number' && b.value >= doubleMarker
      ? [{ row, place: `${table} ${b.value} ${key.at.slice(0, 9)} ${JSON.stringify(key.value)}` }]
      : [],
  );
  const places = new Map<string, string>();
  for (const { row, place } of written) {
    check(!places.has(place), 'DOUBLED: one write became two rows', () => `${places.get(place) ?? ''} ${row}`);
    places.set(place, row);
  }
}

/** All promises about a world that has come to rest, for each group of servers that trust each other. */
export function checkWorld(world: World): void {
  for (const group of groupsOf(world))
    checkGroup(
      world,
      group.map(({ replica }) => replica),
    );
}

function checkGroup(world: World, [first, ...others]: readonly ModelReplica[]): void {
  if (!first) return;
  const view = viewOfModel(first);
  if (first.rules.forksAreSeen) checkDoubles(view);
  for (const other of others) {
    check(covers(first.vector, other.vector) && covers(other.vector, first.vector), 'VECTORS differ');
    check(
      stateText(other) === stateText(first),
      'STATE differs',
      () => `${first.origin}:\n${stateText(first)}\n${other.origin}:\n${stateText(other)}`,
    );
    check(visibleText(viewOfModel(other)) === visibleText(view), 'VISIBLE differs');
  }
  const arrived = [...first.archive.values()];
  // What nobody received never happened: the facts are told anew from what arrived.
  const facts = factsOf(arrived);
  checkConstraints(world.schema, view);
  checkMeaning(world.schema, facts, view);
  checkFates(world, { replica: first, view, facts, arrived });
  checkMerged(facts, view, arrived);
  checkBags(world.schema, { view, arrived });
  checkColumns(world.schema, { view, facts, arrived, isSkewed: world.rules.hasSkew });
  checkLostToConfirmation(first, arrived);
  for (let i = 0; i < 3; i++) checkOrders(world, first, arrived);
}

function checkConstraints(schema: Schema, view: ModelView): void {
  for (const table of schema) {
    const rows = visibleIn(view, table.name);
    const keys = new Set(rows.map((row) => row.key));
    check(table.key === 'bag' || keys.size === rows.length, 'KEYS clash', () => table.name);
    for (const { column } of table.uniques) {
      const values = rows.map((row) => row.values[column] ?? null).filter((value) => value !== null);
      check(new Set(values).size === values.length, 'UNIQUE clash', () => `${table.name}.${column}`);
    }
  }
}

/** Every reference that is shown leads to the row that was meant, or to the one that it became part of. */
function checkMeaning(schema: Schema, facts: Facts, view: ModelView): void {
  for (const table of schema)
    for (const row of visibleIn(view, table.name))
      for (const { column, to, onDelete } of table.references) {
        const parent = meant(row, column);
        if (parent === null) {
          check(meantRow(row.columns[column]) === null, 'MEANING lost', () => row.row);
          continue;
        }
        const number = row.values[column] ?? null;
        if (number === null) {
          const isReason = onDelete === 'set null' && isGone(facts, parent);
          check(isReason, 'REFERENCE became null without a reason', () => row.row);
          continue;
        }
        const shown = visibleIn(view, to).find((each) => each.key === number);
        check(shown !== undefined, 'REFERENCE dangles', () => row.row);
        if (shown.row === parent) continue;
        check(view.all.get(parent)?.status !== 'visible', 'REFERENCE points to another row than meant', () => row.row);
        check(
          classOf(facts, shown.row) === classOf(facts, parent),
          'REFERENCE points to a stranger',
          () => `${row.row} shows ${shown.row} meant ${parent}`,
        );
      }
}

interface Outcome {
  readonly replica: ModelReplica;
  readonly view: ModelView;
  readonly facts: Facts;
  readonly arrived: readonly ModelChangeset[];
}

function checkFates(world: World, { replica, view, facts, arrived }: Outcome): void {
  // Values for a revival may be gone with a removed or restored server.
  const mayLackValues = world.totals.removals + world.totals.restores + world.totals.clones > 0;
  for (const row of view.all.values()) {
    const cameBack =
      [...facts.revived].some((revived) => classOf(facts, revived) === classOf(facts, row.row)) ||
      row.lives.some((life) => facts.moved.has(life));
    check(row.status !== 'visible' || !facts.deleted.has(row.row) || cameBack, 'DELETED row is visible', () => row.row);
    const isConfirmed = !['merging', 'renaming', 'cascading'].includes(row.status) && !row.isProvisional;
    check(isConfirmed, 'UNCONFIRMED after rest', () => `${row.row} ${row.status}`);
    check(row.status !== 'awaiting-parent' || mayLackValues, 'UNREVIVED parent', () => row.row);
  }
  for (const { changes } of arrived)
    for (const change of changes) {
      if (change.kind !== 'insert' || view.resolve(change.row)) continue;
      const isKnown =
        facts.deleted.has(change.row) || facts.cascaded.has(change.row) || replica.aliases.has(change.row);
      check(isKnown, 'LOST: a row is gone and nobody deleted it', () => change.row);
    }
}

const sees = (later: ModelChangeset, earlier: ModelChangeset): boolean =>
  later.origin === earlier.origin ? later.stamp >= earlier.stamp : (later.seen[earlier.origin] ?? 0) >= earlier.stamp;

/** A merged row must not die by a delete of the elder row that had seen neither the merge nor the merged row. */
function checkMerged(facts: Facts, view: ModelView, arrived: readonly ModelChangeset[]): void {
  const enders = arrived.flatMap((changeset) =>
    changeset.changes.flatMap((change) =>
      change.kind === 'end' ? [{ changeset, rows: change.lives.map((life) => facts.rowOfLife.get(life) ?? '') }] : [],
    ),
  );
  for (const changeset of arrived)
    for (const change of changeset.changes) {
      if (change.kind !== 'merge' || view.resolve(change.from)) continue;
      const isInformed = enders.some(
        (ender) =>
          ender.rows.some((row) => classOf(facts, row) === classOf(facts, change.from)) &&
          (sees(ender.changeset, changeset) || ender.rows.includes(change.from)),
      );
      check(isInformed, 'MERGED row died by a delete that had not seen it', () => change.from);
    }
}

/** A confirmation must not beat an application's write that it had not seen and that did not see it. */
function checkLostToConfirmation(replica: ModelReplica, arrived: readonly ModelChangeset[]): void {
  const byStamp = new Map<string, ModelChangeset>();
  for (const changeset of arrived.filter((each) => each.isDuty))
    for (const change of changeset.changes)
      if (change.kind === 'update') for (const cell of Object.values(change.columns)) byStamp.set(cell.at, changeset);
  for (const [id, life] of replica.lives)
    for (const [column, cell] of Object.entries(life.columns)) {
      const winner = byStamp.get(cell.at);
      if (!winner || cell.at.split('.')[2] !== '00') continue; // weak: it beats only what it replaced
      for (const changeset of arrived) {
        if (changeset.isDuty || sees(winner, changeset) || sees(changeset, winner)) continue;
        const isLost = changeset.changes.some(
          (change) => change.kind === 'update' && change.columns[column] !== undefined && change.lives.includes(id),
        );
        check(!isLost, 'WRITE of the application lost to a confirmation', () => `${id} ${column}`);
      }
    }
}

/** Any causal order gives the same state; and joining two half-informed states equals streaming what both know. */
function checkOrders({ schema, rules, random }: World, final: ModelReplica, arrived: readonly ModelChangeset[]): void {
  const fresh = (): ModelReplica => createModelReplica('w', schema, rules);
  const feed = (replica: ModelReplica, allowed: readonly ModelChangeset[], limit = Infinity): ModelChangeset[] => {
    const queues = new Map<string, ModelChangeset[]>();
    for (const changeset of allowed)
      if (changeset.stamp > (replica.vector[changeset.origin] ?? 0))
        queues.set(changeset.origin, [...(queues.get(changeset.origin) ?? []), changeset]);
    for (const queue of queues.values()) queue.sort((a, b) => a.stamp - b.stamp);
    const merged: ModelChangeset[] = [];
    while (merged.length < limit) {
      const ready = [...queues.values()].filter(([next]) => {
        return next && covers(replica.vector, next.seen) && (replica.vector[next.origin] ?? 0) === next.prev;
      });
      const changeset = ready.length > 0 ? random.pick(ready).shift() : undefined;
      if (!changeset) break;
      check(mergeChangeset(replica, changeset) === 'merged', 'ORDER: refused');
      merged.push(changeset);
    }
    return merged;
  };
  const whole = fresh();
  check(feed(whole, arrived).length === arrived.length, 'ORDER: not causally closed');
  check(stateText(whole) === stateText(final), 'ORDER matters', () => `${stateText(whole)}\n==\n${stateText(final)}`);
  const [left, right, union] = [fresh(), fresh(), fresh()];
  const a = feed(left, arrived, random.below(arrived.length + 1));
  const b = feed(right, arrived, random.below(arrived.length + 1));
  feed(union, [...new Set([...a, ...b])]);
  mergeSnapshot(left, right);
  check(stateText(left) === stateText(union), 'SNAPSHOT differs from stream');
  feed(left, arrived); // and it goes on as a stream afterwards
  check(stateText(left) === stateText(final), 'SNAPSHOT then stream differs');
}
