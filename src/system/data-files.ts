/**
 * The data folder: small files that must survive a crash at any instruction. Names are relative to the folder and
 * never leave it. Files are readable by their owner only.
 */
export interface DataFiles {
  /** Absolute path of a name in the folder. */
  path(name: string): string;
  /** The content, or null when there is no such file. */
  read(name: string): Promise<string | null>;
  /**
   * Replaces the file whole: a reader sees the old or the new content, after a power loss too. Writes and removals of one
   * name take effect in the order in which they were asked for.
   */
  write(name: string, content: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Identity and age of a file by which a copy or a restore of the folder is noticed; null when it does not exist. */
  seal(name: string): Promise<FileSeal | null>;
  /** The names in the folder. */
  list(): Promise<readonly string[]>;
  /** Removes what a crash left half written. Only for who works alone in the folder: it cannot be told from a write under way. */
  removeLeftovers(): Promise<void>;
}

/** `changedNs` is the inode's change time, which no ordinary tool can set. */
export interface FileSeal {
  readonly inode: string;
  readonly changedNs: string;
}
