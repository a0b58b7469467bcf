import type { Pagination } from '../../src/http/contract/shared-schemas.js';
import { numberText } from '../words/count-text.js';
import { Button } from './button.js';

export interface PagerProps {
  readonly pagination: Pagination;
  readonly what: string;
  readonly onPage: (page: number) => void;
}

/** One page of a long list, and the ways to the others. */
export function Pager({ pagination, what, onPage }: PagerProps) {
  const { page, pages, total } = pagination;
  if (pages <= 1) return null;
  return (
    <nav class="actions" aria-label={`Pages of ${what}`}>
      <Button isSmall onPress={() => onPage(page - 1)} obstacle={page <= 1 ? 'This is the first page.' : null}>
        Newer
      </Button>
      <span class="small figure">
        Page {numberText(page)} of {numberText(pages)} ({numberText(total)} in all)
      </span>
      <Button isSmall onPress={() => onPage(page + 1)} obstacle={page >= pages ? 'This is the last page.' : null}>
        Older
      </Button>
    </nav>
  );
}
