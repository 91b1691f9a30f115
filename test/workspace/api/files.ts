import { z } from 'zod';
import type { StoredFile } from '../types.ts';
import { checkMessage, count, joinedChannelOf, json, method, SlackError, type Surroundings } from './method.ts';

function storedFile(id: string, title: string | undefined, { uploads, url }: Surroundings): StoredFile {
  const upload = uploads.get(id);
  if (!upload?.content) throw new SlackError('file_not_found');
  const address = `${url}/files/${id}`;
  return {
    id,
    name: upload.name,
    title: title ?? upload.name,
    size: upload.content.length,
    ...(upload.alt !== undefined && { alt_txt: upload.alt }),
    url_private: address,
    permalink: address,
  };
}

export const fileMethods = {
  'files.getUploadURLExternal': method({
    scope: 'files:write',
    args: z.object({
      filename: z.string().min(1),
      length: count,
      alt_text: z.string().optional(),
      alt_txt: z.string().optional(),
      snippet_type: z.string().optional(),
    }),
    run(args, { state, uploads, url }) {
      const file_id = state.nextId('F');
      uploads.set(file_id, { name: args.filename, length: args.length, alt: args.alt_text ?? args.alt_txt });
      return { upload_url: `${url}/upload/${file_id}`, file_id };
    },
  }),

  'files.completeUploadExternal': method({
    scope: 'files:write',
    args: z.object({
      files: json(z.array(z.object({ id: z.string(), title: z.string().optional() })).min(1)),
      channel_id: z.string().optional(),
      initial_comment: z.string().optional(),
      thread_ts: z.string().optional(),
    }),
    run(args, surroundings) {
      const files = args.files.map(({ id, title }) => storedFile(id, title, surroundings));
      if (args.channel_id !== undefined) {
        const channel = joinedChannelOf(args.channel_id, surroundings);
        if (channel.isArchived) throw new SlackError('is_archived');
        const text = args.initial_comment ?? '';
        if (text) checkMessage({ text }, surroundings);
        surroundings.state.postAsBot({ channel: channel.id, text, thread_ts: args.thread_ts, files });
      }
      return { files };
    },
  }),
};
