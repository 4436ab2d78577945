// The keys of the choice of emoji: the arrows walk its groups and its grid, down from the search leads into it, Enter in the search takes
// what was found first, Escape leaves. What is pressed there is nobody else's: it stands in a form, and in panes that Escape closes.

interface PickerActs {
  readonly leave: () => void;
  readonly takeFirst: () => void;
}

/** As `composer.css` lays them out. */
const COLUMNS = 8;

const GRID_STEPS: Readonly<Record<string, number>> = {
  ArrowRight: 1,
  ArrowLeft: -1,
  ArrowDown: COLUMNS,
  ArrowUp: -COLUMNS,
};
const GROUP_STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1 };

export function walkPicker(event: KeyboardEvent & { currentTarget: HTMLElement }, acts: PickerActs): void {
  event.stopPropagation();
  const { key, target, currentTarget } = event;
  if (event.isComposing) return;
  const act = key === "Escape" ? acts.leave : stepOf(key, target, currentTarget, acts);
  if (!act) return;
  event.preventDefault();
  act();
}

type Act = (() => void) | undefined;

function stepOf(key: string, target: EventTarget | null, picker: HTMLElement, { takeFirst }: PickerActs): Act {
  const search = picker.querySelector("input");
  const grid = [...picker.querySelectorAll<HTMLElement>(".picker-grid > button")];
  const groups = [...picker.querySelectorAll<HTMLElement>(".picker-groups > button")];
  const toSearch = (): void => search?.focus();
  const toGrid = (): void => grid[0]?.focus();
  const inSearch: Readonly<Record<string, () => void>> = { Enter: takeFirst, ArrowDown: toGrid };
  const inGroups: Readonly<Record<string, () => void>> = { ArrowUp: toSearch, ArrowDown: toGrid };
  if (target === search) return inSearch[key];
  const group = groups.findIndex((each) => each === target);
  if (group >= 0) return inGroups[key] ?? toGroup(groups[group + (GROUP_STEPS[key] ?? 0)], key);
  const at = grid.findIndex((each) => each === target);
  const step = GRID_STEPS[key];
  if (at < 0 || step === undefined) return undefined;
  return at + step < 0 ? toSearch : () => grid[at + step]?.focus();
}

function toGroup(group: HTMLElement | undefined, key: string): Act {
  if (GROUP_STEPS[key] === undefined) return undefined;
  return () => {
    group?.focus();
    group?.click();
  };
}
