// The page's entry: finds its place in the document and hands over.
import { render } from "preact";
import { App } from "./app.tsx";
import { isSignInFragment } from "./session.ts";

// A link that signs somebody in may be opened where the page is already shown.
addEventListener("hashchange", () => {
  if (isSignInFragment(location.hash)) location.reload();
});
const place = document.getElementById("page");
if (place) render(<App />, place);
