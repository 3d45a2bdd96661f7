/** What the kernel tells of a program, map or link by its file descriptor (BPF_OBJ_GET_INFO_BY_FD). */

import { libbpf } from "./libbpf.ts";
import { systemCallError } from "./system-call.ts";

/** enum bpf_link_type */
export const LinkType = Object.freeze({ XDP: 6, TCX: 11 } as const);

export interface MapInfo {
  readonly type: number;
  readonly id: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly name: string;
}

export interface ProgramInfo {
  readonly type: number;
  readonly id: number;
  readonly name: string;
  readonly tag: string;
}

export interface LinkInfo {
  readonly type: number;
  readonly id: number;
  readonly programId: number;
  /** 0 once the interface is gone: the link hangs in the air. */
  readonly ifindex: number;
}

/** Larger than any info struct; the kernel fills what it knows. */
const INFO_BYTES = 512;

export function mapInfo(fd: number): MapInfo {
  const view = info(fd, "map");
  return {
    type: view.getUint32(0, true),
    id: view.getUint32(4, true),
    keySize: view.getUint32(8, true),
    valueSize: view.getUint32(12, true),
    maxEntries: view.getUint32(16, true),
    flags: view.getUint32(20, true),
    name: nameAt(view, 24),
  };
}

export function programInfo(fd: number): ProgramInfo {
  const view = info(fd, "program");
  const tag = Array.from({ length: 8 }, (_, i) =>
    view
      .getUint8(8 + i)
      .toString(16)
      .padStart(2, "0"),
  ).join("");
  return { type: view.getUint32(0, true), id: view.getUint32(4, true), tag, name: nameAt(view, 64) };
}

export function linkInfo(fd: number): LinkInfo {
  const view = info(fd, "link");
  const type = view.getUint32(0, true);
  const byInterface = type === LinkType.XDP || type === LinkType.TCX;
  return { type, id: view.getUint32(4, true), programId: view.getUint32(8, true), ifindex: byInterface ? view.getUint32(16, true) : 0 };
}

function info(fd: number, what: string): DataView {
  const bytes = new Uint8Array(INFO_BYTES);
  const result = libbpf.bpf_obj_get_info_by_fd(fd, bytes, Uint32Array.of(INFO_BYTES));
  if (result < 0) throw systemCallError(`ask the kernel about a BPF ${what}`, -result);
  return new DataView(bytes.buffer);
}

/** char name[BPF_OBJ_NAME_LEN] */
function nameAt(view: DataView, offset: number): string {
  const bytes = new Uint8Array(view.buffer, offset, 16);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
