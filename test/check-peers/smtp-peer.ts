/** A mail server that is polite and takes no mail. */

import type { Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";

/** With an identity it offers STARTTLS. */
export function speakSmtp(identity?: { readonly cert: string; readonly key: string }): (socket: Socket) => void {
  return (socket) => {
    socket.write("220 mail.example.org ESMTP\r\n");
    converse(socket, identity);
  };
}

function converse(socket: Socket, identity: { readonly cert: string; readonly key: string } | undefined): void {
  const onData = (bytes: Buffer): void => {
    const command = bytes.toString();
    if (command.startsWith("EHLO"))
      socket.write(`250-mail.example.org\r\n${identity === undefined ? "" : "250-STARTTLS\r\n"}250 SIZE 1000\r\n`);
    else if (command.startsWith("QUIT")) socket.end("221 bye\r\n");
    else if (command.startsWith("STARTTLS") && identity !== undefined) {
      socket.off("data", onData);
      socket.write("220 go ahead\r\n");
      const secured = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(identity) });
      secured.on("error", () => undefined);
      converse(secured, undefined);
    } else socket.write("500 what?\r\n");
  };
  socket.on("data", onData);
}
