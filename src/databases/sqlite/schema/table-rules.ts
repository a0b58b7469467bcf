import type { ColumnRule, Granularity, UniquePolicy } from '../../../core/table-schema.js';
import { foldName } from '../connection/identifiers.js';
import { withReferences, type DeclaredReference } from './declared-references.js';
import { isMigrationTable } from './migration-tables.js';
import type { AdjustSchema } from './table-registry.js';

/** What a person set for one table; names are compared as SQLite does. */
export interface TableRules {
  readonly exclude?: boolean | undefined;
  readonly unique?: UniquePolicy | undefined;
  readonly granularity?: Granularity | undefined;
  readonly references?: readonly DeclaredReference[] | undefined;
  readonly columns?: Readonly<Record<string, ColumnRule>> | undefined;
}

export function adjustByRules(rules: Readonly<Record<string, TableRules>>): AdjustSchema {
  const ruleByTable = new Map(Object.entries(rules).map(([name, rule]) => [foldName(name), rule]));
  return (schema, all) => {
    const rule = ruleByTable.get(foldName(schema.name));
    if (rule?.exclude === true) return 'left out by the configuration';
    if (rule?.exclude === undefined && isMigrationTable(schema.name))
      return 'it says which migrations ran on this server (to sync it all the same: exclude: false)';
    if (!rule) return schema;
    const columns = new Map(Object.entries(rule.columns ?? {}).map(([name, one]) => [foldName(name), one]));
    const isKey = new Set(schema.key);
    return {
      ...withReferences(schema, rule.references ?? [], all),
      granularity: rule.granularity ?? 'column',
      columns: schema.columns.map((column) => ({
        ...column,
        // A key column is what a row is found by: it cannot stay at home.
        rule: isKey.has(column.name) ? column.rule : (columns.get(foldName(column.name)) ?? column.rule),
      })),
      uniques: schema.uniques.map((unique) => ({ ...unique, policy: rule.unique ?? unique.policy })),
    };
  };
}
