// A Postgres that speaks TLS, for tests: a front that answers the request for TLS as Postgres does, with a certificate of
// its own, and hands on what it hears to the real server. The keys protect nothing but tests and are valid from 2020 to 2120.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { onTestFinished } from "vitest";

/** Has signed both certificates below. */
export const CA_PEM = `-----BEGIN CERTIFICATE-----
MIIBJzCB2qADAgECAgIQADAFBgMrZXAwGjEYMBYGA1UEAwwPUm9va2VyeSB0ZXN0
IGNhMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAaMRgwFgYDVQQD
DA9Sb29rZXJ5IHRlc3QgY2EwKjAFBgMrZXADIQB4m0XfW2rn7yR+imHTb2Gxk8aV
az6c1S272rIckt61ZKNCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMC
AgQwHQYDVR0OBBYEFFp/pl7GzhdGfyRto/ECTVFUpwIZMAUGAytlcANBAPXXnPeW
N9U5+8xkaqxZ6+lqsBVLcP4n49lvNWsxawJIx+A0HaOHaRAqA5BOb7HIj1OWXXlO
BYvDzGaiW6jbQwA=
-----END CERTIFICATE-----
`;

/** Has signed nothing. */
export const OTHER_CA_PEM = `-----BEGIN CERTIFICATE-----
MIIBMzCB5qADAgECAgIQATAFBgMrZXAwIDEeMBwGA1UEAwwVUm9va2VyeSB0ZXN0
IG90aGVyLWNhMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAgMR4w
HAYDVQQDDBVSb29rZXJ5IHRlc3Qgb3RoZXItY2EwKjAFBgMrZXADIQBV7fDXMqxZ
HwA7lK7ncfdZF3BHaplFY58DBmjXetgWLaNCMEAwDwYDVR0TAQH/BAUwAwEB/zAO
BgNVHQ8BAf8EBAMCAgQwHQYDVR0OBBYEFIof75YWizL4roESeTtfS3VUNzqHMAUG
AytlcANBADMh1OGJWCAolO3Ijb4hry9qsDWbGWUHnscFxmkKkhoIeT/iJ9u31res
j0QpL2w2LqPkn2/MuauXp9AbhkEheQY=
-----END CERTIFICATE-----
`;

/** Of both certificates. */
export const KEY_PEM = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEICLOUMlv7nxBGUj38aL/yzNZT/I+lzANk1MLtsZpWgsk
-----END PRIVATE KEY-----
`;

/** For the name localhost, and no address. */
export const LOCALHOST_PEM = `-----BEGIN CERTIFICATE-----
MIIBWzCCAQ2gAwIBAgICEAIwBQYDK2VwMBoxGDAWBgNVBAMMD1Jvb2tlcnkgdGVz
dCBjYTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowFDESMBAGA1UE
AwwJbG9jYWxob3N0MCowBQYDK2VwAyEAfR3Vxv0Ju9+u9tHouADjHC/87+f6iHwn
B0vF5mBmo+qjezB5MBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAMBgNVHRMBAf8EAjAA
MBMGA1UdJQQMMAoGCCsGAQUFBwMBMB0GA1UdDgQWBBRvMz6hwImSIDadtBh2mXFD
vP4BezAfBgNVHSMEGDAWgBRaf6Zexs4XRn8kbaPxAk1RVKcCGTAFBgMrZXADQQAz
xjltggybCxfEzLZxu2NkT5fyAb0w/N/moE5DGhX7vHR/Ukh7KnYwDqgpjKduSknM
2kfc2ElqMdPO76s5Y8YJ
-----END CERTIFICATE-----
`;

/** For 127.0.0.1, and no name. */
export const ADDRESS_PEM = `-----BEGIN CERTIFICATE-----
MIIBVDCCAQagAwIBAgICEAMwBQYDK2VwMBoxGDAWBgNVBAMMD1Jvb2tlcnkgdGVz
dCBjYTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowEjEQMA4GA1UE
AwwHYWRkcmVzczAqMAUGAytlcAMhAH0d1cb9CbvfrvbR6LgA4xwv/O/n+oh8JwdL
xeZgZqPqo3YwdDAPBgNVHREECDAGhwR/AAABMAwGA1UdEwEB/wQCMAAwEwYDVR0l
BAwwCgYIKwYBBQUHAwEwHQYDVR0OBBYEFG8zPqHAiZIgNp20GHaZcUO8/gF7MB8G
A1UdIwQYMBaAFFp/pl7GzhdGfyRto/ECTVFUpwIZMAUGAytlcANBANcNNgeG/jrP
0+OqwKNz+0tbFj1k4GIIH0Hri67At7J8BMlUPZZo+wQ2QH4KOx11oieavEn2z/H5
s8HMSH0rDAA=
-----END CERTIFICATE-----
`;

/** Length, and the number that asks for TLS where a version would stand. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

export interface TlsFront {
  readonly port: number;
  /** Ends every connection, as a network does that fails. */
  cut(this: void): void;
}

/** `certificate` undefined: one that offers no TLS, and takes what follows for the beginning of a connection. */
export async function startTlsFront(target: string, certificate: string | undefined): Promise<TlsFront> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket
        .on("error", () => undefined)
        .on("close", () => {
          open.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
    client.once("data", (first: Buffer) => {
      if (!first.equals(SSL_REQUEST)) {
        upstream.write(first);
        client.pipe(upstream).pipe(client);
        return;
      }
      client.write(certificate === undefined ? "N" : "S");
      const secureContext = createSecureContext({ key: KEY_PEM, cert: certificate });
      const heard = certificate === undefined ? client : new TLSSocket(client, { isServer: true, secureContext });
      heard.on("error", () => client.destroy());
      heard.pipe(upstream).pipe(heard);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === "object" && address !== null ? address.port : 0, cut };
}
