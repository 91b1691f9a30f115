import type { DataTableBlock, TableBlock } from '@slack/types';
import type { RenderContext } from './context.ts';
import { attribute, escapeHtml } from './escape.ts';
import { cellHtml } from './html-text.ts';

type Cell = DataTableBlock['rows'][number][number];

/** How a column's cells stand: as its settings say, otherwise numbers to the right. */
export function columnAlign(block: DataTableBlock | TableBlock, column: number): 'left' | 'center' | 'right' {
  const set = block.type === 'table' ? block.column_settings?.[column]?.align : undefined;
  if (set) return set;
  const cells = block.rows.slice(1).map(row => row[column]);
  return cells.length > 0 && cells.every(cell => cell?.type === 'raw_number') ? 'right' : 'left';
}

function inner(cell: Cell, context: RenderContext): string {
  return cell.type === 'rich_text' ? cellHtml(cell, context) : escapeHtml(cell.text).replaceAll('\n', '<br>');
}

/** A table or data_table as HTML; its first row is the header, and its caption stands above. */
export function tableHtml(block: DataTableBlock | TableBlock, context: RenderContext): string {
  const [head = [], ...body] = block.rows;
  const rowHeader = block.type === 'data_table' ? block.row_header_column_index : undefined;
  const align = head.map((_, column) => columnAlign(block, column));
  const cell = (content: Cell, column: number, tag: 'td' | 'th', scope?: string) =>
    `<${tag}${attribute('scope', scope)}${attribute('class', align[column])}>${inner(content, context)}</${tag}>`;
  const rows = body.map(
    row =>
      `<tr>${row.map((content, column) => (column === rowHeader ? cell(content, column, 'th', 'row') : cell(content, column, 'td'))).join('')}</tr>`,
  );
  const caption = block.type === 'data_table' ? `<caption>${escapeHtml(block.caption)}</caption>` : '';
  const header = `<thead><tr>${head.map((content, column) => cell(content, column, 'th', 'col')).join('')}</tr></thead>`;
  return `<div class="table"><table>${caption}${header}<tbody>${rows.join('')}</tbody></table></div>`;
}
