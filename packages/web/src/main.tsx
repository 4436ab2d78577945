// The page's entry: finds its place in the document and hands over.
import { render } from "preact";
import { App } from "./app.tsx";

const place = document.getElementById("page");
if (place) render(<App />, place);
