import type { IncomingMessage } from 'node:http';

/** The largest body read, in bytes: an upload of the tests, with room to spare. */
const LARGEST_BODY = 20_000_000;

/** Reads a whole request body; throws when it is too large. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > LARGEST_BODY) throw new Error('request body too large');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** The arguments of a Web API call, from its query and its form-encoded or JSON body. */
export function argumentsOf(request: IncomingMessage, body: Buffer, query: URLSearchParams): Record<string, unknown> {
  const fromQuery = Object.fromEntries(query);
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('application/json')) return { ...fromQuery, ...jsonObject(body.toString()) };
  return { ...fromQuery, ...Object.fromEntries(new URLSearchParams(body.toString())) };
}

/** A JSON object, or an empty one for anything else. */
export function jsonObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}

/** The content of an upload: the whole body, or the one file of a multipart form. */
export async function uploadedContent(request: IncomingMessage, body: Buffer): Promise<Buffer> {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data')) return body;
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  const file = [...form.values()].find(value => value instanceof Blob);
  return Buffer.from(await (file ?? new Blob([])).arrayBuffer());
}
