/** The functions of the C library that Node does not offer: sockets of other families, namespaces, memory maps, names at once. */

import koffi from "koffi";
import { type Bytes, bind, LIBC, type Pointer } from "./libraries.ts";

/** Behind the pointer that gethostbyname() and gethostbyaddr() return; the next call of either overwrites it. */
export const HOST_ENTRY = koffi.struct("hostent", {
  name: "const char *",
  aliases: "void *",
  family: "int",
  addressLength: "int",
  addresses: "void **",
});

/** Behind the pointer that getservbyname() and getservbyport() return; likewise. */
export const SERVICE_ENTRY = koffi.struct("servent", {
  name: "const char *",
  aliases: "void *",
  /** In network order. */
  port: "int",
  protocol: "const char *",
});

export interface Libc {
  close(fd: number): number;
  dup(fd: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Bytes, length: number): number;
  connect(fd: number, address: Bytes, length: number): number;
  listen(fd: number, backlog: number): number;
  /** Without the peer's address. */
  accept(fd: number, address: null, length: null): number;
  /** `length` is an int that goes in and comes out. */
  getsockname(fd: number, address: Bytes, length: Bytes): number;
  send(fd: number, data: Bytes, length: number, flags: number): number;
  sendto(fd: number, data: Bytes, length: number, flags: number, address: Bytes, addressLength: number): number;
  recv(fd: number, data: Bytes, length: number, flags: number): number;
  /** `addressLength` is an int that goes in and comes out. */
  recvfrom(fd: number, data: Bytes, length: number, flags: number, address: Bytes, addressLength: Bytes): number;
  setsockopt(fd: number, level: number, name: number, value: Bytes, length: number): number;
  /** `length` is an int that goes in and comes out. */
  getsockopt(fd: number, level: number, name: number, value: Bytes, length: Bytes): number;
  flock(fd: number, operation: number): number;
  /** With those commands alone whose third argument is a pointer. */
  fcntl(fd: number, command: number, argument: Bytes): number;
  ioctl(fd: number, request: number, argument: Bytes): number;
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  mount(source: string, target: string, type: string | null, flags: number, data: string | null): number;
  umount2(target: string, flags: number): number;
  mmap(address: Pointer, length: number, protection: number, flags: number, fd: number, offset: number): bigint;
  munmap(address: bigint, length: number): number;
  clock_getres(clock: number, result: Bytes): number;
  clock_gettime(clock: number, result: Bytes): number;
  gethostbyname(name: string): Pointer;
  gethostbyaddr(address: Bytes, length: number, family: number): Pointer;
  getservbyname(name: string, protocol: string): Pointer;
  /** `port` in network order. */
  getservbyport(port: number, protocol: string): Pointer;
  vsnprintf(text: Bytes, size: number, format: Pointer, arguments_: Pointer): number;
}

export const libc = bind<Libc>(LIBC, {
  close: "int close(int fd)",
  dup: "int dup(int fd)",
  socket: "int socket(int family, int type, int protocol)",
  bind: "int bind(int fd, const void *address, uint32_t length)",
  connect: "int connect(int fd, const void *address, uint32_t length)",
  listen: "int listen(int fd, int backlog)",
  accept: "int accept(int fd, void *address, void *length)",
  getsockname: "int getsockname(int fd, void *address, void *length)",
  send: "intptr_t send(int fd, const void *data, size_t length, int flags)",
  sendto: "intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t address_length)",
  recv: "intptr_t recv(int fd, void *data, size_t length, int flags)",
  recvfrom: "intptr_t recvfrom(int fd, void *data, size_t length, int flags, void *address, void *address_length)",
  setsockopt: "int setsockopt(int fd, int level, int name, const void *value, uint32_t length)",
  getsockopt: "int getsockopt(int fd, int level, int name, void *value, void *length)",
  flock: "int flock(int fd, int operation)",
  fcntl: "int fcntl(int fd, int command, void *argument)",
  ioctl: "int ioctl(int fd, unsigned long request, void *argument)",
  setns: "int setns(int fd, int type)",
  unshare: "int unshare(int flags)",
  mount: "int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)",
  umount2: "int umount2(const char *target, int flags)",
  mmap: "void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)",
  munmap: "int munmap(void *address, size_t length)",
  clock_getres: "int clock_getres(int clock, void *result)",
  clock_gettime: "int clock_gettime(int clock, void *result)",
  gethostbyname: "void *gethostbyname(const char *name)",
  gethostbyaddr: "void *gethostbyaddr(const void *address, uint32_t length, int family)",
  getservbyname: "void *getservbyname(const char *name, const char *protocol)",
  getservbyport: "void *getservbyport(int port, const char *protocol)",
  vsnprintf: "int vsnprintf(void *text, size_t size, const void *format, void *arguments_)",
});
