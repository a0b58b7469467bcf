/** The table in whose lives tables are described (`propagated-schema.ts`). No database can have one of that name. */
export const schemaTable = '\0schema';
