/** The functions of libbpf that we call. Since 1.0 each returns -errno (or null with errno) on failure. */

import koffi from "koffi";
import { type Bytes, bind, LIBBPF, type Pointer } from "./libraries.ts";

/** struct bpf_test_run_opts, libbpf 1.1: older fields never move. */
export const TEST_RUN_OPTS = koffi.struct("bpf_test_run_opts", {
  sz: "size_t",
  data_in: "void *",
  data_out: "void *",
  data_size_in: "uint32_t",
  data_size_out: "uint32_t",
  ctx_in: "void *",
  ctx_out: "void *",
  ctx_size_in: "uint32_t",
  ctx_size_out: "uint32_t",
  retval: "uint32_t",
  repeat: "int",
  duration: "uint32_t",
  flags: "uint32_t",
  cpu: "uint32_t",
  batch_size: "uint32_t",
});

export const LINK_CREATE_OPTS = koffi.struct("bpf_link_create_opts", {
  sz: "size_t",
  flags: "uint32_t",
  iter_info: "void *",
  iter_info_len: "uint32_t",
  target_btf_id: "uint32_t",
  // The union of per-type arguments, all zero for ours.
  none: koffi.array("uint64_t", 4, "Typed"),
});

export const TC_HOOK = koffi.struct("bpf_tc_hook", {
  sz: "size_t",
  ifindex: "int",
  attach_point: "uint32_t",
  parent: "uint32_t",
  padding: "uint32_t",
});

export const TC_OPTS = koffi.struct("bpf_tc_opts", {
  sz: "size_t",
  prog_fd: "int",
  flags: "uint32_t",
  prog_id: "uint32_t",
  handle: "uint32_t",
  priority: "uint32_t",
  padding: "uint32_t",
});

/** libbpf_set_print's callback; a va_list reaches us as an address on x86-64 (array) and on arm64 (large struct) alike. */
export const PRINT_FUNCTION = koffi.proto("int libbpf_print_fn(int level, const void *format, void *arguments_)");

export interface TestRunOpts {
  sz: number;
  data_in: Bytes | null;
  data_out: Bytes | null;
  data_size_in: number;
  data_size_out: number;
  ctx_in: Bytes | null;
  ctx_out: Bytes | null;
  ctx_size_in: number;
  ctx_size_out: number;
  retval: number;
  repeat: number;
  duration: number;
  flags: number;
  cpu: number;
  batch_size: number;
}

export interface TcHook {
  sz: number;
  ifindex: number;
  attach_point: number;
  parent: number;
  padding: number;
}

export interface TcOpts {
  sz: number;
  prog_fd: number;
  flags: number;
  prog_id: number;
  handle: number;
  priority: number;
  padding: number;
}

export interface LinkCreateOpts {
  sz: number;
  flags: number;
  iter_info: null;
  iter_info_len: number;
  target_btf_id: number;
  none: BigUint64Array;
}

export interface Libbpf {
  libbpf_version_string(): string;
  libbpf_set_print(callback: bigint | null): Pointer;

  bpf_object__open_file(path: string, options: null): Pointer;
  bpf_object__load(object: bigint): number;
  bpf_object__close(object: bigint): void;
  bpf_object__next_program(object: bigint, previous: Pointer): Pointer;
  bpf_object__next_map(object: bigint, previous: Pointer): Pointer;
  bpf_program__name(program: bigint): string;
  bpf_program__fd(program: bigint): number;
  bpf_program__set_autoload(program: bigint, load: boolean): number;
  bpf_program__set_log_buf(program: bigint, buffer: Bytes | null, size: number): number;
  bpf_map__name(map: bigint): string;
  bpf_map__fd(map: bigint): number;
  bpf_map__is_internal(map: bigint): boolean;
  bpf_map__key_size(map: bigint): number;
  bpf_map__value_size(map: bigint): number;
  bpf_map__set_max_entries(map: bigint, entries: number): number;
  bpf_map__reuse_fd(map: bigint, fd: number): number;
  bpf_map__set_initial_value(map: bigint, data: Bytes, size: number): number;

  bpf_map_lookup_elem(fd: number, key: Bytes, value: Bytes): number;
  bpf_map_update_elem(fd: number, key: Bytes, value: Bytes, flags: number): number;
  bpf_map_delete_elem(fd: number, key: Bytes): number;
  bpf_map_get_next_key(fd: number, key: Bytes | null, next: Bytes): number;
  bpf_map_lookup_batch(fd: number, from: Bytes | null, to: Bytes, keys: Bytes, values: Bytes, count: Uint32Array, options: null): number;
  bpf_map_update_batch(fd: number, keys: Bytes, values: Bytes, count: Uint32Array, options: null): number;
  bpf_obj_get_info_by_fd(fd: number, info: Bytes, length: Uint32Array): number;
  bpf_obj_pin(fd: number, path: string): number;
  bpf_obj_get(path: string): number;
  bpf_prog_get_fd_by_id(id: number): number;
  bpf_map_get_fd_by_id(id: number): number;

  bpf_link_create(program: number, target: number, type: number, options: LinkCreateOpts | null): number;
  bpf_link_update(link: number, program: number, options: null): number;
  bpf_link_detach(link: number): number;
  bpf_prog_query(target: number, type: number, flags: number, attachFlags: Uint32Array, ids: Uint32Array, count: Uint32Array): number;
  bpf_tc_hook_create(hook: TcHook): number;
  bpf_tc_hook_destroy(hook: TcHook): number;
  bpf_tc_attach(hook: TcHook, options: TcOpts): number;
  bpf_tc_detach(hook: TcHook, options: TcOpts): number;
  bpf_tc_query(hook: TcHook, options: TcOpts): number;
  bpf_prog_test_run_opts(program: number, options: TestRunOpts): number;
}

export const libbpf = bind<Libbpf>(LIBBPF, {
  libbpf_version_string: "const char *libbpf_version_string(void)",
  libbpf_set_print: "void *libbpf_set_print(libbpf_print_fn *callback)",

  bpf_object__open_file: "void *bpf_object__open_file(const char *path, const void *options)",
  bpf_object__load: "int bpf_object__load(void *object)",
  bpf_object__close: "void bpf_object__close(void *object)",
  bpf_object__next_program: "void *bpf_object__next_program(void *object, void *previous)",
  bpf_object__next_map: "void *bpf_object__next_map(void *object, void *previous)",
  bpf_program__name: "const char *bpf_program__name(void *program)",
  bpf_program__fd: "int bpf_program__fd(void *program)",
  bpf_program__set_autoload: "int bpf_program__set_autoload(void *program, bool load)",
  bpf_program__set_log_buf: "int bpf_program__set_log_buf(void *program, void *buffer, size_t size)",
  bpf_map__name: "const char *bpf_map__name(void *map)",
  bpf_map__fd: "int bpf_map__fd(void *map)",
  bpf_map__is_internal: "bool bpf_map__is_internal(void *map)",
  bpf_map__key_size: "uint32_t bpf_map__key_size(void *map)",
  bpf_map__value_size: "uint32_t bpf_map__value_size(void *map)",
  bpf_map__set_max_entries: "int bpf_map__set_max_entries(void *map, uint32_t entries)",
  bpf_map__reuse_fd: "int bpf_map__reuse_fd(void *map, int fd)",
  bpf_map__set_initial_value: "int bpf_map__set_initial_value(void *map, const void *data, size_t size)",

  bpf_map_lookup_elem: "int bpf_map_lookup_elem(int fd, const void *key, void *value)",
  bpf_map_update_elem: "int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)",
  bpf_map_delete_elem: "int bpf_map_delete_elem(int fd, const void *key)",
  bpf_map_get_next_key: "int bpf_map_get_next_key(int fd, const void *key, void *next)",
  bpf_map_lookup_batch:
    "int bpf_map_lookup_batch(int fd, void *from, void *to, void *keys, void *values, uint32_t *count, const void *options)",
  bpf_map_update_batch: "int bpf_map_update_batch(int fd, const void *keys, const void *values, uint32_t *count, const void *options)",
  bpf_obj_get_info_by_fd: "int bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *length)",
  bpf_obj_pin: "int bpf_obj_pin(int fd, const char *path)",
  bpf_obj_get: "int bpf_obj_get(const char *path)",
  bpf_prog_get_fd_by_id: "int bpf_prog_get_fd_by_id(uint32_t id)",
  bpf_map_get_fd_by_id: "int bpf_map_get_fd_by_id(uint32_t id)",

  bpf_link_create: "int bpf_link_create(int program, int target, int type, const bpf_link_create_opts *options)",
  bpf_link_update: "int bpf_link_update(int link, int program, const void *options)",
  bpf_link_detach: "int bpf_link_detach(int link)",
  bpf_prog_query: "int bpf_prog_query(int target, int type, uint32_t flags, uint32_t *attach_flags, uint32_t *ids, uint32_t *count)",
  bpf_tc_hook_create: "int bpf_tc_hook_create(_Inout_ bpf_tc_hook *hook)",
  bpf_tc_hook_destroy: "int bpf_tc_hook_destroy(_Inout_ bpf_tc_hook *hook)",
  bpf_tc_attach: "int bpf_tc_attach(const bpf_tc_hook *hook, _Inout_ bpf_tc_opts *options)",
  bpf_tc_detach: "int bpf_tc_detach(const bpf_tc_hook *hook, const bpf_tc_opts *options)",
  bpf_tc_query: "int bpf_tc_query(const bpf_tc_hook *hook, _Inout_ bpf_tc_opts *options)",
  bpf_prog_test_run_opts: "int bpf_prog_test_run_opts(int program, _Inout_ bpf_test_run_opts *options)",
});
