/** The development dependency `sqlite-3.31`: SQLite 3.31.1, compiled for the web. Only what the tests call. */
declare module 'sqlite-3.31' {
  export interface Database {
    run(sql: string): void;
    exec(sql: string): { columns: string[]; values: unknown[][] }[];
    /** The whole file. Closes and opens the database anew. */
    export(): Uint8Array;
    close(): void;
  }
  export default function initialise(options: {
    wasmBinary: Uint8Array;
  }): Promise<{ Database: new (file?: Uint8Array) => Database }>;
}
