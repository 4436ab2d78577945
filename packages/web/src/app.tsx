// The page as a whole: which of its stages is shown, and what the parts of the last one are given.
import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { begin, enterAsGuest } from "./begin.ts";
import type { Stage } from "./begin.ts";
import { ChatContext } from "./chat.ts";
import { Shell } from "./shell.tsx";
import { GuestForm, SignedOutView, TroubleView, Welcome } from "./sign-in.tsx";

export function App(): JSX.Element {
  const [stage, setStage] = useState<Stage>({ at: "starting" });
  const start = useCallback(() => {
    setStage({ at: "starting" });
    begin(setStage).catch((error: unknown) => {
      // What the browser says of a network that is away helps nobody.
      const isAway = error instanceof TypeError || !(error instanceof Error);
      setStage({ at: "trouble", text: isAway ? "The chat cannot be reached." : error.message });
    });
  }, []);
  useEffect(start, [start]);
  if (stage.at === "guest") return <GuestForm enter={(name) => enterAsGuest(name, stage.config, setStage)} />;
  if (stage.at === "signed out") return <SignedOutView location={stage.location} />;
  if (stage.at === "trouble") return <TroubleView text={stage.text} again={start} />;
  if (stage.at === "starting") return <Starting />;
  return (
    <ChatContext.Provider value={stage.chat}>
      <Shell />
    </ChatContext.Provider>
  );
}

function Starting(): JSX.Element {
  return (
    <Welcome>
      <p class="quiet" role="status">
        Connecting…
      </p>
    </Welcome>
  );
}
