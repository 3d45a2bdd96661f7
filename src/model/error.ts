/**
 * Errors that a caller or an operator can do something about. Each says what was attempted, what happened and
 * what would help; `code` is for programs, `facts` for both. Bugs are assertions, not these.
 */

export type ErrorCode =
  | "ALREADY_ATTACHED"
  | "BAD_ADDRESS"
  | "BAD_ARGUMENT"
  | "BAD_CONFIGURATION"
  | "BAD_PACKET"
  | "BPF_UNAVAILABLE"
  | "COMMAND_FAILED"
  | "CONFLICT"
  | "DIRECTOR_AWAY"
  | "EXPECTATION_FAILED"
  | "INTERFACE_MISSING"
  | "KERNEL_FEATURE_MISSING"
  | "LAB_BUSY"
  | "LAB_MISSING"
  | "LIBRARY_MISSING"
  | "LIMIT_REACHED"
  | "NAMESPACE_MISSING"
  | "NETLINK"
  | "NOT_FOUND"
  | "NOT_PERMITTED"
  | "NOT_RUNNING"
  | "NO_SUCH_DAEMON"
  | "NO_SUCH_SERVER"
  | "NO_SUCH_SERVICE"
  | "OUT_OF_RANGE"
  | "PIN_DIRECTORY"
  | "DAEMON_EXISTS"
  | "SERVER_EXISTS"
  | "SERVICE_EXISTS"
  | "SYSTEM_CALL"
  | "TIMEOUT"
  | "VERIFIER_REJECTED"
  | "VIP_NOT_LOCAL";

export type ErrorFacts = Readonly<Record<string, string | number | boolean | undefined>>;

export class EvenkeelError extends Error {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;
  /** What the operator can do about it: one sentence, or empty. */
  readonly cure: string;

  constructor(code: ErrorCode, message: string, details: { cure?: string; facts?: ErrorFacts; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "EvenkeelError";
    this.code = code;
    this.facts = details.facts ?? {};
    this.cure = details.cure ?? "";
  }
}
