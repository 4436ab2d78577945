// Notices that the process which started this one is gone, so that nothing is left behind after a `kill -9` of a launcher.
// Used by the lifecycle alone. Polls, because no signal tells a child about its parent on every platform.
// States: watching, told (once), ended.

const POLL_MS = 500;

/**
 * Calls `onGone` once when `parentPid` no longer exists or this process was given another parent.
 * The second test also sees a parent that is a zombie, or whose pid was taken by somebody else. Returns the way to end it.
 */
export function watchParent(parentPid: number, onGone: () => void, pollMs: number = POLL_MS): () => void {
  const firstParent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === firstParent && isAlive(parentPid)) return;
    clearInterval(timer);
    onGone();
  }, pollMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Signal 0 tests existence; EPERM means it exists and belongs to somebody else. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
