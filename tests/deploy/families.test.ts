// What an operator was promised to see, and the family that shows it. The page of metrics, which this reads, is held to what a
// running cluster serves by tests/two-edges.e2e.test.ts.
import { describe, expect, it } from "vitest";
import { ownFamilies, seriesNames } from "./served-families.ts";

const FEWEST_FAMILIES = 60;

const PROMISED: readonly (readonly [what: string, ...families: string[]])[] = [
  ["connections", "rookery_edge_connections", "rookery_edge_unidentified_connections"],
  ["connects and disconnects by code", "rookery_edge_connects_total", "rookery_edge_disconnects_total"],
  ["frames in and out by type", "rookery_edge_frames_in_total", "rookery_edge_frames_out_total"],
  ["publish to socket", "rookery_edge_publish_to_fan_out_seconds_bucket"],
  ["send to ok", "rookery_edge_send_to_ok_seconds_bucket"],
  ["fan-out size", "rookery_edge_fan_out_sockets_bucket"],
  ["backpressure", "rookery_edge_buffered_bytes"],
  ["what is shed, by class", "rookery_edge_shed_total"],
  ["gaps found, healed and told", "rookery_edge_relay_events_total"],
  ["resumes by outcome", "rookery_edge_resumes_total"],
  ["sends that were there already", "rookery_edge_sends_total"],
  ["Redis' latency", "rookery_process_redis_seconds_bucket"],
  ["subscriptions anew", "rookery_edge_resubscribes_total"],
  ["probes that were missed", "rookery_edge_probe_misses_total"],
  ["the outbox's depth", "rookery_persister_outbox_entries", "rookery_persister_outbox_bytes"],
  ["the outbox's and the watermark's age", "rookery_persister_watermark_age_seconds"],
  ["batch size", "rookery_persister_batch_entries_bucket"],
  ["inserts", "rookery_persister_insert_seconds_bucket"],
  ["the pulse's age", "rookery_edge_pulse_age_seconds"],
  ["changes of epoch", "rookery_process_epoch_changes_total"],
  ["dead letters", "rookery_persister_dead_letters_total"],
  ["quarantine", "rookery_persister_quarantined_total"],
  ["rate limits by scope", "rookery_edge_rate_limited_total", "rookery_api_rate_limited_total"],
  ["token checks", "rookery_edge_token_checks_total", "rookery_api_credential_checks_total"],
  ["the cache of rights", "rookery_edge_rights_lookups_total"],
  ["presence of dead nodes that was taken back", "rookery_edge_reaped_nodes_total"],
  ["how far a drain is", "rookery_edge_drain_state", "rookery_edge_drained_ratio"],
  ["the event loop's lag", "nodejs_eventloop_lag_p99_seconds", "rookery_edge_loop_late_seconds"],
  ["file descriptors", "process_open_fds", "process_max_fds"],
  ["the build", "rookery_process_build_info"],
];

describe("the families of metrics", () => {
  it.each(PROMISED)("show %s", async (...row) => {
    const [, ...families] = row;
    const known = await seriesNames();
    expect(families.filter((name) => !known.has(name))).toEqual([]);
  });

  it(`are at least ${FEWEST_FAMILIES} of our own, each with a unit in its name`, () => {
    const own = ownFamilies();
    expect(own.length).toBeGreaterThanOrEqual(FEWEST_FAMILIES);
    const ending = /_(total|seconds|bytes|ratio|info|state|[a-z]+s)$/;
    expect(own.filter(({ name }) => !ending.test(name))).toEqual([]);
  });
});
