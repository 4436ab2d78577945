// What the loader asks of other packages: the parsers of values that it may not read itself, since they live beside what
// uses them. A service's main and the command line hand them in; the loader calls them, so that a check and a start
// never differ.

/** Throws an Error of one line, which repeats nothing secret, for a text that cannot be used. */
export type TextParser = (text: string) => unknown;

/** What tokens are verified with, as far as it was given. */
export interface TokenKeyValues {
  readonly algorithms?: readonly string[] | undefined;
  readonly secret?: string | undefined;
  readonly previousSecret?: string | undefined;
  readonly publicKeyPem?: string | undefined;
  readonly jwksUrl?: string | undefined;
}

const TEXTS = ["redisUrl", "postgresUrl", "jwtSecret", "jwtPreviousSecret", "jwtPublicKey", "jwtJwksUrl"] as const;
type ParsedText = (typeof TEXTS)[number];

export type SettingParsers = { readonly [K in ParsedText]?: TextParser } & {
  /** Whether the keys and the algorithms fit together, once each is right by itself. */
  readonly tokenKeys?: (given: TokenKeyValues) => unknown;
};

/** Whether a setting's text is read by another package. */
export function isParsedText(key: string): key is ParsedText {
  return TEXTS.some((each) => each === key);
}

/** What a parser said, or undefined when it took the value. */
export function faultOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : "it cannot be read";
  }
}
