// What is shown before somebody is signed in: a name to come in under where guests may, and otherwise where to go.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { wordsOf } from "./words-of.ts";

export function Welcome({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return (
    <main class="welcome">
      <div class="welcome-card">
        <div class="logo" aria-hidden="true">
          R
        </div>
        <h1>Rookery</h1>
        {children}
      </div>
    </main>
  );
}

interface GuestFormProps {
  readonly enter: (name: string) => Promise<void>;
}

export function GuestForm({ enter }: GuestFormProps): JSX.Element {
  const [name, setName] = useState("");
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const [isAsking, setAsking] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    setAsking(true);
    enter(name.trim()).catch((error: unknown) => {
      setAsking(false);
      setTrouble(wordsOf(error));
    });
  };
  return (
    <Welcome>
      <p class="quiet">What shall the others call you?</p>
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span>Your name</span>
          <input
            name="name"
            autoComplete="nickname"
            ref={focus}
            maxLength={64}
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        {trouble !== undefined && (
          <p role="alert" class="trouble">
            {trouble}
          </p>
        )}
        <button type="submit" class="button" disabled={isAsking}>
          Come in
        </button>
      </form>
    </Welcome>
  );
}

/** There is nothing else to do on this page. */
const focus = (input: HTMLInputElement | null): void => input?.focus();

/** `location`: where the operator signs people in. */
export function SignedOutView({ location }: { readonly location: string | undefined }): JSX.Element {
  return (
    <Welcome>
      <p>You are not signed in.</p>
      {location === undefined ? (
        <p class="quiet">Come back by the link that signs you in.</p>
      ) : (
        <a class="button" href={location}>
          Sign in
        </a>
      )}
    </Welcome>
  );
}

interface TroubleViewProps {
  readonly text: string;
  readonly again: () => void;
}

export function TroubleView({ text, again }: TroubleViewProps): JSX.Element {
  return (
    <Welcome>
      <p role="alert">{text}</p>
      <button type="button" class="button" onClick={again}>
        Try again
      </button>
    </Welcome>
  );
}
