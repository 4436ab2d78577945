// Writes an audit record out as the JSON in which it travels, without its time, which note.lua puts in front. Called by the trail
// for each record: three for a connection that joins and goes, so it makes no object and copies none.
// Must never write anything but what JSON.stringify would have written. Pure.
import type { AuditRecord } from "./audit.ts";

export function packAudit(id: string, record: AuditRecord): string {
  const { kind, actor, subject, channel, node, address, reason, data } = record;
  let text = `{"id":${JSON.stringify(id)},"kind":"${kind}","actor":${JSON.stringify(actor)}`;
  if (subject !== null) text += `,"subject":${JSON.stringify(subject)}`;
  if (channel !== null) text += `,"channel":${JSON.stringify(channel)}`;
  if (node !== null) text += `,"node":${JSON.stringify(node)}`;
  if (address !== null) text += `,"address":${JSON.stringify(address)}`;
  if (reason !== null) text += `,"reason":${JSON.stringify(reason)}`;
  if (data !== null) text += `,"data":{${packData(data)}}`;
  return `${text}}`;
}

function packData(data: NonNullable<AuditRecord["data"]>): string {
  let text = "";
  for (const name of Object.keys(data)) {
    text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${JSON.stringify(data[name])}`;
  }
  return text;
}
