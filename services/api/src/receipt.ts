// What a receipt of enforcement looks like over HTTP, for the documents. Shapes only: receipts are gathered by enforce.ts.
import Type from "typebox";

export const ReceiptSchema = Type.Object(
  {
    nodes: Type.Object({
      confirmed: Type.Integer({ description: "edges that have acted upon it" }),
      expected: Type.Integer({ description: "edges that live, or went silent within the last 60 s" }),
      missing: Type.Array(Type.String(), { description: "edges that have not said so within 2 s" }),
    }),
    sessionsClosed: Type.Integer({ description: "connections closed, or taken out of the channel, on all edges" }),
    ms: Type.Integer({ description: "from the request to the last confirmation" }),
  },
  {
    description:
      "How far the change was in force when it was answered. Every node in `missing` comes to it by itself, before it serves " +
      "anybody again. Where nothing had to change, nobody is expected.",
    examples: [{ nodes: { confirmed: 3, expected: 3, missing: [] }, sessionsClosed: 1, ms: 41 }],
  },
);

export const ReceiptAnswer = Type.Object({ receipt: ReceiptSchema });
