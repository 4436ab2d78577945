/** Which dialog of the channels is open, if one is. */
export type DialogName = "browse" | "new" | undefined;
