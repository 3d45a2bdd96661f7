/**
 * Refuses a Node that cannot run TypeScript as it is: an optional dependency that failed to download fails silently, and the
 * system's Node would take its place. Written so that an old Node understands it.
 */
var LEAST = [24, 11];

var has = process.versions.node.split(".").map(Number);
if (has[0] < LEAST[0] || (has[0] === LEAST[0] && has[1] < LEAST[1])) {
  console.error(
    "evenkeel: Node " + process.versions.node + " (" + process.execPath + ") is too old; at least " + LEAST.join(".") + " is needed",
  );
  console.error("  cure: run 'make setup': it installs the Node that Evenkeel brings along (package node-linux-" + process.arch + ")");
  process.exit(1);
}
