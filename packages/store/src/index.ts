// The package's public names. Other packages import from here only.
export { createApiKeys } from "./api-keys.ts";
export type { ApiKeyRow, ApiKeys } from "./api-keys.ts";
export { isAway, isRefusedWrite } from "./away.ts";
export { createChannels } from "./channels.ts";
export type { ChannelKind, ChannelRow, Channels, NewChannel } from "./channels.ts";
export { createClusterLedger } from "./cluster-ledger.ts";
export type { ClusterLedger, DrainedLife } from "./cluster-ledger.ts";
export { connectStore } from "./connect.ts";
export type { Store, StoreOptions } from "./connect.ts";
export type { EntryId } from "./entry-id.ts";
export { renderRow } from "./message-row.ts";
export type { MessageRow } from "./message-row.ts";
export { createMessages } from "./messages.ts";
export type { Messages, Placed, Stretch } from "./messages.ts";
export { migrateUp, migrationStatus } from "./migrate.ts";
export type { MigrationState } from "./migrate.ts";
export { createOutboxPositions } from "./outbox-positions.ts";
export type { OutboxPositions } from "./outbox-positions.ts";
export { claimPartitionCount, UnfitPostgres } from "./partition-count.ts";
export { readPostgresUrl } from "./postgres-url.ts";
export { outageReason } from "./reason.ts";
export { createRefreshTokens } from "./refresh-tokens.ts";
export type { IssuedRefreshToken, RefreshOwner, RefreshTokens, Rotation } from "./refresh-tokens.ts";
export { saveBatch } from "./save-batch.ts";
export type {
  Batch,
  BatchEntry,
  DeadLetter,
  RaisedPrev,
  SavedOutcome,
  SaveOutcome,
  UnreadableRow,
} from "./save-batch.ts";
export { shareConnections } from "./share-connections.ts";
export type { ConnectionShares } from "./share-connections.ts";
