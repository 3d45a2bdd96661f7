/** tc filters in netlink's words, as far as we ask: which stand on an interface's clsact (include/uapi/linux/pkt_sched.h). */

import { decodeAttributes, headView, textOf } from "./netlink.ts";

export const FilterMessage = Object.freeze({ GET: 46 } as const);

/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), ..._EGRESS */
const PARENTS = { ingress: 0xfffffff2, egress: 0xfffffff3 } as const;

export interface Filter {
  readonly kind: string;
  readonly handle: number;
  readonly priority: number;
  /** Of a BPF filter, what its maker called it; libbpf: "PROGRAM:[ID]". */
  readonly name?: string;
}

const HEAD_BYTES = 20;
const KIND = 1;
const OPTIONS = 2;
/** TCA_BPF_NAME */
const BPF_NAME = 7;

export function encodeFilterQuery(interfaceIndex: number, direction: keyof typeof PARENTS): Uint8Array {
  const view = new DataView(new ArrayBuffer(HEAD_BYTES));
  view.setInt32(4, interfaceIndex, true);
  view.setUint32(12, PARENTS[direction], true);
  return new Uint8Array(view.buffer);
}

/** A classifier's own head comes with handle 0, then its filters. */
export function decodeFilter(payload: Uint8Array): Filter {
  const head = headView(payload, HEAD_BYTES, "filter message");
  const attributes = decodeAttributes(payload.subarray(HEAD_BYTES));
  const kind = attributes.get(KIND);
  const options = attributes.get(OPTIONS);
  const name = kind !== undefined && textOf(kind) === "bpf" && options !== undefined ? decodeAttributes(options).get(BPF_NAME) : undefined;
  return {
    kind: kind === undefined ? "" : textOf(kind),
    handle: head.getUint32(8, true),
    priority: head.getUint32(16, true) >>> 16,
    ...(name === undefined ? {} : { name: textOf(name) }),
  };
}
