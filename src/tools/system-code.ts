import { z } from 'zod';

const withCode = z.object({ code: z.string() });

/** The system's code of an error, such as `ENOENT`. https://nodejs.org/api/errors.html#errorcode_1 */
export function systemCode(error: unknown): string | undefined {
  return withCode.safeParse(error).data?.code;
}
