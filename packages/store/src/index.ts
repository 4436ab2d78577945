// The package's public names. Other packages import from here only.
export { createApiKeys } from "./api-keys.ts";
export type { ApiKeyRow, ApiKeys, ApiKeyUse, CommandGiver, ListedApiKey } from "./api-keys.ts";
export { createAuditChain } from "./audit-chain.ts";
export type { AuditChain } from "./audit-chain.ts";
export { createAuditLog } from "./audit-log.ts";
export type { AuditCursor, AuditEntry, AuditLog, AuditPage, AuditQuestion } from "./audit-log.ts";
export type { AuditHead, AuditRow } from "./audit-row.ts";
export { createAuditKey } from "./audit-seal.ts";
export { verifyAudit } from "./audit-verify.ts";
export type { AuditFinding, AuditVerification, AuditVerifyOptions } from "./audit-verify.ts";
export type { AuditKey } from "./audit-seal.ts";
export { isAway, isRefusedWrite } from "./away.ts";
export type { Batch, BatchEntry, DeadLetter, RaisedPrev, SavedOutcome, SaveOutcome, UnreadableRow } from "./batch.ts";
export { createChannelMembers } from "./channel-members.ts";
export type { ChannelMemberRow, ChannelMembers } from "./channel-members.ts";
export { createChannelActs } from "./channel-acts.ts";
export { createChannels } from "./channels.ts";
export type { ChannelKind, ChannelPage, ChannelRow, Channels, ChannelSettings } from "./channels.ts";
export { createClusterLedger } from "./cluster-ledger.ts";
export type { ClusterLedger, DrainedLife } from "./cluster-ledger.ts";
export { connectStore } from "./connect.ts";
export type { Store, StoreOptions } from "./connect.ts";
export { createDeadLetters } from "./dead-letters.ts";
export type { DeadLetters, LetterQuestion, ListedCase, ListedLetter, Retried } from "./dead-letters.ts";
export type { EntryId } from "./entry-id.ts";
export { bareRow, changeRow, messageRow, unreadable } from "./frame-row.ts";
export { changeId, renderRow } from "./message-row.ts";
export type { MessageRow } from "./message-row.ts";
export { createMessages } from "./messages.ts";
export type { Messages, Placed, Stretch } from "./messages.ts";
export { saveSeen } from "./last-seen.ts";
export type { SeenUser } from "./last-seen.ts";
export { migrateUp, migrationStatus } from "./migrate.ts";
export type { MigrationState } from "./migrate.ts";
export { createOutboxPositions } from "./outbox-positions.ts";
export type { OutboxPositions } from "./outbox-positions.ts";
export { claimPartitionCount, UnfitPostgres } from "./partition-count.ts";
export { lookAtPostgres, lookAtSaved } from "./postgres-look.ts";
export type { PostgresLook, PostgresLookOptions, PostgresServer } from "./postgres-look.ts";
export { readPostgresUrl } from "./postgres-url.ts";
export { UnfitSchema } from "./schema-fit.ts";
export { outageReason } from "./reason.ts";
export { createReadPositions } from "./reads.ts";
export type { Mention, MentionWish, ReadAnswer, ReadPositions, ReadWish, SavedRead, Span } from "./reads.ts";
export { createRefreshTokens } from "./refresh-tokens.ts";
export type { IssuedRefreshToken, RefreshOwner, RefreshTokens, Rotation } from "./refresh-tokens.ts";
export { createRetention } from "./retention.ts";
export type { DueChannel, Retention } from "./retention.ts";
export { saveBatch } from "./save-batch.ts";
export { createSanctions } from "./sanctions.ts";
export type { EverywhereRow, SanctionKind, Sanctions } from "./sanctions.ts";
export { createStandings } from "./standings.ts";
export type { Standing, Standings, StandingWish } from "./standings.ts";
export { shareConnections } from "./share-connections.ts";
export type { ConnectionShares } from "./share-connections.ts";
export { createUsers } from "./users.ts";
export type { UserRow, Users } from "./users.ts";
export type {
  Actor,
  ChannelAct,
  ChannelActs,
  ChannelGiven,
  ChannelOutcome,
  CrowdDefaults,
  Done,
  MadeOutcome,
  Refusal,
  SanctionGiven,
  SanctionRow,
  Unchanged,
  WantedChannel,
} from "./rights-changes.ts";
export { createHappenings } from "./happenings.ts";
export type { Happenings, NotedRecord, StandingToday, TracedMessage } from "./happenings.ts";
export { createAnnouncements, createGlobalRights } from "./global-rights.ts";
export type { Announcements, GlobalRights, GlobalTable, WaitingAnnouncement } from "./global-rights.ts";
