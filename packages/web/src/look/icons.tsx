// The page's few drawings, each a path on a field of 20 by 20. They are hidden from screen readers: what they stand on has a name.
import type { JSX } from "preact";

const PATHS = {
  hash: "M7.5 3 6 17M14 3l-1.500 14M3.500 7.500h14M2.500 12.500h14",
  lock: "M5 9h10v8H5zM7 9V6.500a3 3 0 0 1 6 0V9",
  person:
    "M10 10a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3.500 17c.8-3 3.300-4.500 6.500-4.500s5.700 1.500 6.500 4.500",
  people:
    "M7.500 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 16.500c.6-2.700 2.700-4 5.500-4s4.900 1.300 5.500 4M13 3.800a3 3 0 0 1 0 5.400M15 12.800c1.600.5 2.700 1.700 3 3.700",
  search: "M8.500 14a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM12.500 12.500 17 17",
  plus: "M10 4v12M4 10h12",
  compass: "M10 17.500a7.500 7.500 0 1 0 0-15 7.500 7.500 0 0 0 0 15zM13 7l-1.700 4.300L7 13l1.700-4.300z",
  back: "M12.500 4 6.500 10l6 6",
  close: "M5 5l10 10M15 5 5 15",
  leave: "M12 4h4.500v12H12M9.500 6.500 13 10l-3.500 3.500M13 10H3.500",
  chevron: "M5.500 8l4.500 4.500L14.500 8",
  check: "M4 10.500 8 14.500 16 6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
