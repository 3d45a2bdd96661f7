/**
 * The rooms of src/, from left to right: a file imports from its own room or from rooms to its left. The one table of that order;
 * tools/layout.ts holds the rules, test/layout.test.ts asks them of every file.
 */

export interface Room {
  readonly name: string;
  /**
   * Rooms that decide touch nothing of the world: no node:*, no clock, no chance, no waiting; and of npm's packages only these.
   * Undefined: the room has hands, and may import what package.json names.
   */
  readonly pure?: { readonly packages: readonly string[] };
}

const NO_PACKAGES = { packages: [] };

export const ROOMS: readonly Room[] = [
  // Words.
  { name: "model", pure: NO_PACKAGES },
  { name: "wire", pure: NO_PACKAGES },
  // Decisions.
  { name: "scheduler", pure: NO_PACKAGES },
  { name: "health", pure: NO_PACKAGES },
  { name: "failover", pure: NO_PACKAGES },
  { name: "sync", pure: NO_PACKAGES },
  { name: "config", pure: { packages: ["yaml", "zod"] } },
  { name: "reconcile", pure: NO_PACKAGES },
  // Hands.
  { name: "kernel" },
  { name: "checker" },
  // Work.
  { name: "director" },
  { name: "keeper" },
  { name: "proxy" },
  { name: "realserver" },
  // Doors.
  { name: "api" },
  { name: "lab" },
  { name: "cli" },
];

/** The room a path stands in, or undefined outside of src/ and for what is not in the table. */
export function roomOf(path: string): Room | undefined {
  const [top, name] = path.split("/");
  return top === "src" ? ROOMS.find((room) => room.name === name) : undefined;
}

/** May a file of one room import from the other? */
export function mayImport(from: Room, to: Room): boolean {
  return ROOMS.indexOf(to) <= ROOMS.indexOf(from);
}
