import pg from 'pg';

/**
 * A question as one simple-protocol string, which is all that a walsender understands. The values are not put into the
 * statement: PREPARE and EXECUTE let the server bind them, each as one escaped literal of unknown type.
 * https://www.postgresql.org/docs/current/protocol-replication.html and /sql-execute.html
 *
 * @returns the statements in their order; the answer is that of the last one.
 */
export function simpleProtocol(text: string, values: readonly unknown[]): string[] {
  if (values.length === 0) return [text];
  return [`PREPARE emergency_question AS ${text}`, `EXECUTE emergency_question (${values.map(literal).join(', ')})`];
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (Array.isArray(value)) return pg.escapeLiteral(arrayText(value));
  return pg.escapeLiteral(scalarText(value));
}

/** An array in its text form, every element quoted. https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function arrayText(values: readonly unknown[]): string {
  const elements = values.map(value =>
    value === null || value === undefined ? 'NULL' : `"${scalarText(value).replace(/["\\]/g, '\\$&')}"`,
  );
  return `{${elements.join(',')}}`;
}

function scalarText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0')) throw new TypeError('PostgreSQL text holds no zero byte');
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      if (value instanceof Date) return value.toISOString();
      throw new TypeError(`a question takes no value of type ${typeof value}`);
  }
}
