// The package's public names. Other packages import from here only.
export { createPartitions } from "./partitions.ts";
export type { Partitions } from "./partitions.ts";
export { createKeys } from "./keys.ts";
export type { ChannelKeys, Keys, PartitionKeys, UserKeys } from "./keys.ts";
export { attachRedis } from "./attach.ts";
export type { AttachOptions } from "./attach.ts";
export { startBelonging } from "./belonging.ts";
export type { Belonging, BelongingOptions, ClusterLedger } from "./belonging.ts";
export { createClusterMarks } from "./cluster-marks.ts";
export type { ClusterMark, ClusterMarks } from "./cluster-marks.ts";
export { beatEveryMs, startBeats } from "./beats.ts";
export type { Beats, BeatsOptions } from "./beats.ts";
export { connectRedis, faultOf, isReady, whenReady } from "./connect.ts";
export { checkServer, claimPartitionCount, UnfitRedis } from "./fitness.ts";
export type { ConnectionUse, ConnectOptions, RedisConnection } from "./connect.ts";
export { BEFORE_FIRST_ENTRY, compareEntryIds, formatEntryId, parseEntryId } from "./entry-id.ts";
export type { EntryId } from "./entry-id.ts";
export { parseAnnouncement } from "./watermark.ts";
export type { Watermark } from "./watermark.ts";
export { createEpochFloors } from "./floors.ts";
export type { EpochFloors } from "./floors.ts";
export { AUDIT_KINDS } from "./audit.ts";
export type { AuditKind, AuditRecord, AuditTrail } from "./audit.ts";
export { readAuditHeads } from "./audit-heads.ts";
export type { KeptHead } from "./audit-heads.ts";
export { createAuditTrail } from "./create-audit-trail.ts";
export type { AuditTrailOptions } from "./create-audit-trail.ts";
export { composeMessage } from "./compose-message.ts";
export type { ComposedMessage, MessageDraft } from "./compose-message.ts";
export { createStatistics } from "./statistics.ts";
export type { BusyChannel, ConnectedUser, Statistics } from "./statistics.ts";
export { createActivity, readActivity, SPANS } from "./activity.ts";
export type { Activity, ActivityOptions, ChannelActivity, Spans } from "./activity.ts";
export { createPublisher } from "./publisher.ts";
export type { Publisher, PublisherMetrics, PublisherOptions } from "./publisher.ts";
export type { Publication, Published } from "./publication.ts";
export type { PublishAnswer } from "./publish-run.ts";
export type { ColdFrames, Stretch } from "./cold-frames.ts";
export { createReading } from "./reading.ts";
export type { Reading } from "./reading.ts";
export { createHistory, TOGETHER_BYTES } from "./history.ts";
export type { History, HistoryOptions, JoinWish } from "./history.ts";
export type { ChannelHead } from "./channel-head.ts";
export type { BackwardPage, ForwardPage } from "./page.ts";
export { limitOf, watchBudget } from "./budget.ts";
export type { BudgetOptions, BudgetWatch, PartitionLoad } from "./budget.ts";
export { createExpiry } from "./expiry.ts";
export type { Expiry } from "./expiry.ts";
export { createComparing } from "./comparing.ts";
export type { Comparing, Renewed } from "./comparing.ts";
export { createOutbox } from "./outbox.ts";
export type { Outbox, OutboxBacklog, OutboxOptions, SavedBatch } from "./outbox.ts";
export { NEWEST_KIND } from "./outbox-entry.ts";
export type {
  ChangeEntry,
  DeletedEntry,
  EditedEntry,
  MalformedEntry,
  MessageEntry,
  AuditEntry,
  OutboxEntry,
  ReactionEntry,
  RemovedEdit,
  UnknownEntry,
} from "./outbox-entry.ts";
export type { RemovedMessage } from "./removed-message.ts";
export { createChanges } from "./create-changes.ts";
export type { ChangesOptions } from "./create-changes.ts";
export { markField } from "./find-message.ts";
export { readActs, readMark } from "./acts.ts";
export type { Mark } from "./acts.ts";
export { createRegistry } from "./registry.ts";
export type { NodeRecord, Registry } from "./registry.ts";
export { createShedding, SHED_FROM } from "./shedding.ts";
export type { Shed, Shedding } from "./shedding.ts";
export { isScriptFault } from "./rejections.ts";
export { rightsVersion } from "./rights-version.ts";
export type {
  Correction,
  Envelope,
  FleetingEnvelope,
  FrameBytes,
  PersonalEnvelope,
  PresenceEnvelope,
  SequencedEnvelope,
  SignalEnvelope,
  TypingEnvelope,
} from "./envelope.ts";
export { packSignal } from "./pack-signal.ts";
export { createSignals } from "./signals.ts";
export type { Signals } from "./signals.ts";
export type { Crowd, CrowdRules } from "./crowd.ts";
export { regulateCrowd } from "./crowd-rules.ts";
export { startReaper } from "./reaper.ts";
export type { DeadSession } from "./reaping.ts";
export type { Reaper, ReaperOptions } from "./reaper.ts";
export { createPresence } from "./node-presence.ts";
export type { NodeIdentity, PresenceOptions } from "./node-presence.ts";
export { createPresenceReader } from "./presence-reader.ts";
export type { PresenceReaderOptions } from "./presence-reader.ts";
export type {
  Attendance,
  KnownSession,
  LocalTruth,
  Presence,
  PresenceReader,
  PresentPage,
  SessionRecord,
} from "./presence.ts";
export { createNewest } from "./newest.ts";
export type { Newest, NewestFrames } from "./newest.ts";
export { createReads } from "./reads.ts";
export type { ReadDraft, ReadMove, Reads, ReadsOptions, ReadState } from "./reads.ts";
export { createTakings } from "./takings.ts";
export type { TakenRead, TakenSeen, Taking, Takings } from "./takings.ts";
export type { Changed, Changes, DeleteDraft, EditDraft, FindStored, ReactDraft } from "./changes.ts";
export { createRelayPosition } from "./relay-position.ts";
export type { HealingRead, RelayAction, RelayPosition } from "./relay-position.ts";
export { createFastLinks, createSafeLinks } from "./write-links.ts";
export type { WriteLinks } from "./write-links.ts";
export { createTopics } from "./topics.ts";
export type { TopicListener, Topics, TopicsOptions } from "./topics.ts";
export { createPulse } from "./pulse.ts";
export type { Pulse, PulseListener, PulseOptions, PulseReport } from "./pulse.ts";
export { parseRedisUrl, readRedisCa } from "./redis-url.ts";
export type { AccessStore, AccessWish, KnownAccess } from "./access.ts";
export { createAccessStore, NO_ENTRY } from "./create-access.ts";
export type { AccessOptions } from "./create-access.ts";
export { createAnnouncer } from "./announcer.ts";
export type { AnnouncerOptions } from "./announcer.ts";
export { readGlobalVersion } from "./global-version.ts";
export type { GlobalVersion } from "./global-version.ts";
export { createNoticesOnce } from "./notices-once.ts";
export type { NoticesOnce, NoticeTurn } from "./notices-once.ts";
export { createControlLog, parseNumberedControl } from "./create-control-log.ts";
export { createConfirmations } from "./confirmations.ts";
export { createReceipts } from "./receipts.ts";
export type { ReceiptsOptions } from "./receipts.ts";
export { parseReplaced } from "./replaced-session.ts";
export { createTickets } from "./tickets.ts";
export type { Tickets } from "./tickets.ts";
export { createTries } from "./tries.ts";
export type { Tries } from "./tries.ts";
export type { Announcer, Confirmations, ControlLog, NumberedControl, Receipt, Receipts } from "./control-log.ts";
export { forgottenBy } from "./stored-ids.ts";
export { lookAtRedis } from "./redis-look.ts";
export type { ClockLook, RedisLook, RedisLookOptions, SentinelLook, ServerLook, Told } from "./redis-look.ts";
export type { RedisUser } from "./needed-commands.ts";
