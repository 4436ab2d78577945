// The opponents of `drain`: a table with the columns and indexes of `messages` and without its parts, filled by COPY or by one
// insert a row, over one connection. The one file here that knows the driver of Postgres.

import { finished } from "node:stream/promises";
import postgres from "postgres";

export interface FlatTable {
  /** Empties `messages` and what else the persister writes, but for positions, and this table. */
  empty(): Promise<void>;
  /** COPY of all these rows in one statement; resolves when they are committed. */
  copy(chunks: readonly string[]): Promise<void>;
  /** Rows one after another, each in a transaction of its own. */
  insertEach(rows: readonly Row[]): Promise<void>;
  /** Rows in `messages`. */
  messages(): Promise<number>;
  close(): Promise<void>;
}

export interface Row {
  readonly channel: string;
  readonly seq: number;
  readonly id: string;
  readonly clientId: string;
  readonly author: string;
  readonly name: string;
  readonly body: string;
  readonly at: number;
}

export async function createFlatTable(url: string, epoch: number): Promise<FlatTable> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  await sql`create table flat (like messages including all)`;
  return {
    async empty() {
      await sql`truncate flat, messages, mentions, reactions, users, dead_letters, quarantine`;
    },
    async copy(chunks) {
      const into = await sql`
        copy flat (channel, epoch, seq, kind, id, client_id, author, name, body, at) from stdin`.writable();
      for (const chunk of chunks) if (!into.write(chunk)) await new Promise((resolve) => into.once("drain", resolve));
      into.end();
      await finished(into);
    },
    async insertEach(rows) {
      for (const { channel, seq, id, clientId, author, name, body, at } of rows) {
        await sql`insert into flat (channel, epoch, seq, kind, id, client_id, author, name, body, at)
          values (${channel}, ${epoch}, ${seq}, 'message', ${id}, ${clientId}, ${author}, ${name}, ${body}, ${at})`;
      }
    },
    async messages() {
      const [row] = await sql<{ count: number }[]>`select count(*)::integer as count from messages`;
      return row?.count ?? 0;
    },
    close: () => sql.end(),
  };
}

/** A line of COPY's text format; no value of a bench needs to be escaped. */
export function copyLine({ channel, seq, id, clientId, author, name, body, at }: Row, epoch: number): string {
  return `${[channel, epoch, seq, "message", id, clientId, author, name, body, at].join("\t")}\n`;
}
