import type { ColumnRule } from '../../../core/table-schema.js';
import type { ReplicaContext } from '../stores/replica-context.js';

const rulesByContext = new WeakMap<ReplicaContext, Map<string, ColumnRule>>();

/**
 * The rule that a person set for a column which is not here. What waits for it must merge as it does where the column is, or
 * equal vectors would not mean equal states.
 */
export function ruleOfWaiting(context: ReplicaContext, table: string, column: string): ColumnRule {
  const rules = rulesByContext.get(context) ?? new Map<string, ColumnRule>();
  rulesByContext.set(context, rules);
  const name = JSON.stringify([table, column]);
  const known = rules.get(name);
  if (known) return known;
  const rule = configuredRule(context, table, column);
  // Names come from peers.
  if (rules.size >= namesMax) rules.clear();
  rules.set(name, rule);
  return rule;
}

const namesMax = 10_000;

function configuredRule({ adjust }: ReplicaContext, table: string, name: string): ColumnRule {
  const column = {
    name,
    declaredType: '',
    isGenerated: false,
    isNotNull: false,
    hasDefault: false,
    rule: 'column',
  } as const;
  const adjusted = adjust({ name: table, columns: [column], key: [], keyKind: 'bag', references: [], uniques: [] }, []);
  return typeof adjusted === 'string' ? 'column' : (adjusted.columns[0]?.rule ?? 'column');
}
