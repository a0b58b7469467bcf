import { parseGlobPattern } from './glob-pattern.js';

/** What is left out of a folder dataset by its name. */
export interface IgnoreRules {
  /** A path is left out when it or a folder on its way is. Rules of a name with `/` at its end mean folders only. */
  isIgnored(path: string, isFolder: boolean): boolean;
  /** The line that leaves a path out, or a folder on its way; null when none does. */
  ruleFor(path: string, isFolder: boolean): string | null;
}

/**
 * Lines in the syntax of gitignore, in order: the last one that matches decides, `!` takes a file back in, and nothing
 * below a left-out folder can be taken back in.
 */
export function createIgnoreRules(lines: readonly string[]): IgnoreRules {
  const rules = lines.flatMap((line) => {
    const pattern = parseGlobPattern(line);
    return pattern === null ? [] : [{ line: line.trim(), pattern }];
  });
  const ruleAt = (names: readonly string[], isFolder: boolean): string | null => {
    const last = rules.findLast(({ pattern }) => (isFolder || !pattern.isForFolders) && pattern.matches(names));
    return last === undefined || last.pattern.isNegated ? null : last.line;
  };
  const decides = (names: readonly string[], isFolder: boolean): boolean => ruleAt(names, isFolder) !== null;
  /** Paths come folder by folder, so what was decided of the last one is most often asked again. */
  let lastFolder = '';
  let isLastIgnored = false;
  const isInIgnored = (names: readonly string[], folder: string): boolean => {
    if (folder === lastFolder) return isLastIgnored;
    isLastIgnored = names.some((_, depth) => depth > 0 && decides(names.slice(0, depth), true));
    lastFolder = folder;
    return isLastIgnored;
  };
  return {
    isIgnored(path, isFolder) {
      const names = path.split('/');
      if (isInIgnored(names, path.slice(0, Math.max(0, path.lastIndexOf('/'))))) return true;
      return decides(names, isFolder);
    },
    ruleFor(path, isFolder) {
      const names = path.split('/');
      for (let depth = 1; depth < names.length; depth++) {
        const rule = ruleAt(names.slice(0, depth), true);
        if (rule !== null) return rule;
      }
      return ruleAt(names, isFolder);
    },
  };
}

/** The file in the root of a folder dataset with further lines. It is an entry like others: all servers leave out alike. */
export const ignoreFile = '.usyncignore';

/** What is left out unless the ignore file takes it back in. Databases are recognised by their content, not by name. */
export const defaultIgnores: readonly string[] = [
  ...['.git/', '.hg/', '.svn/', 'CVS/', '__pycache__/', '.cache/', 'lost+found/', '.Trash-*/'],
  ...['*.tmp', '*.temp', '*.part', '*.crdownload', '*.swp', '*.swo', '*~', '.#*', '~$*', '.~lock.*#'],
  ...['*.pid', '*.lck', '*.sock', '.nfs*', '.fuse_hidden*', '.DS_Store', 'Thumbs.db', 'desktop.ini'],
  ...['.env', '.env.*', '!.env.example', '*.pem', '*.key', '*.p12', '*.pfx', 'id_rsa', 'id_ecdsa', 'id_ed25519'],
  ...['.ssh/', '.gnupg/', '.aws/', '.netrc', '.pgpass', '.htpasswd', 'secret_key*', '*.kdbx'],
];
