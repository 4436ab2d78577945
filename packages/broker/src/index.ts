// The package's public names. Other packages import from here only.
export { createPartitions } from "./partitions.ts";
export type { Partitions } from "./partitions.ts";
export { createKeys } from "./keys.ts";
export type { ChannelKeys, Keys, PartitionKeys } from "./keys.ts";
export { attachRedis } from "./attach.ts";
export type { AttachOptions } from "./attach.ts";
export { startBelonging } from "./belonging.ts";
export type { Belonging, BelongingOptions, ClusterLedger } from "./belonging.ts";
export { createClusterMarks } from "./cluster-marks.ts";
export type { ClusterMark, ClusterMarks } from "./cluster-marks.ts";
export { startBeats } from "./beats.ts";
export type { BeatsOptions } from "./beats.ts";
export { connectRedis, isReady, whenReady } from "./connect.ts";
export { checkServer, claimPartitionCount, UnfitRedis } from "./fitness.ts";
export type { ConnectionUse, ConnectOptions, RedisConnection } from "./connect.ts";
export { BEFORE_FIRST_ENTRY, compareEntryIds, formatEntryId, parseEntryId } from "./entry-id.ts";
export type { EntryId } from "./entry-id.ts";
export { parseAnnouncement } from "./watermark.ts";
export type { Watermark } from "./watermark.ts";
export { createEpochFloors } from "./floors.ts";
export type { EpochFloors } from "./floors.ts";
export { composeMessage } from "./compose-message.ts";
export type { ComposedMessage, MessageDraft } from "./compose-message.ts";
export { createPublisher } from "./publisher.ts";
export type {
  PublishAnswer,
  Publication,
  Published,
  Publisher,
  PublisherMetrics,
  PublisherOptions,
  PublishOutcome,
} from "./publisher.ts";
export type { ColdFrames, Stretch } from "./cold-frames.ts";
export { createReading } from "./reading.ts";
export type { Reading } from "./reading.ts";
export { createHistory, TOGETHER_BYTES } from "./history.ts";
export type { History, HistoryOptions, JoinWish } from "./history.ts";
export type { ChannelHead } from "./channel-head.ts";
export type { BackwardPage, ForwardPage } from "./page.ts";
export { limitOf, watchBudget } from "./budget.ts";
export type { BudgetOptions, BudgetWatch, PartitionLoad } from "./budget.ts";
export { createOutbox } from "./outbox.ts";
export type { Outbox, OutboxBacklog, OutboxOptions, SavedBatch } from "./outbox.ts";
export { NEWEST_KIND } from "./outbox-entry.ts";
export type { MalformedEntry, MessageEntry, OutboxEntry, UnknownEntry } from "./outbox-entry.ts";
export { createRegistry } from "./registry.ts";
export type { NodeRecord, Registry } from "./registry.ts";
export { createShedding, SHED_FROM } from "./shedding.ts";
export type { Shed, Shedding } from "./shedding.ts";
export { rightsVersion } from "./rights-version.ts";
export type { Envelope, FrameBytes, SequencedEnvelope, SignalEnvelope } from "./envelope.ts";
export { createRelayPosition } from "./relay-position.ts";
export type { HealingRead, RelayAction, RelayPosition } from "./relay-position.ts";
export { createTopics } from "./topics.ts";
export type { TopicListener, Topics, TopicsOptions } from "./topics.ts";
export { createPulse } from "./pulse.ts";
export type { Pulse, PulseListener, PulseOptions, PulseReport } from "./pulse.ts";
export { parseRedisUrl } from "./redis-url.ts";
