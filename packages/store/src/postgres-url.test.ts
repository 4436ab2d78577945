// Contract of the address of Postgres: what it may say, and that what it may not say is told without repeating a password.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { readPostgresUrl } from "./postgres-url.ts";

const fileWith = (content: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "postgres-url-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "ca.pem"), content);
  return join(folder, "ca.pem");
};

describe("the address of Postgres", () => {
  it("says everything by itself", () => {
    expect(readPostgresUrl("postgres://us%40er:p%2F%25w@db.example:6432/my%20db?sslmode=verify-full")).toEqual({
      host: "db.example",
      port: 6432,
      user: "us@er",
      password: "p/%w",
      database: "my db",
      sslMode: "verify-full",
      rootCertificates: undefined,
    });
  });

  it("has a port, a database, an empty password and no TLS where it says nothing", () => {
    expect(readPostgresUrl("postgresql://u@[::1]")).toEqual({
      host: "::1",
      port: 5432,
      user: "u",
      password: "",
      database: "u",
      sslMode: "disable",
      rootCertificates: undefined,
    });
  });

  it.each([
    ["http://u@h/x", /begins with postgres/],
    ["postgres://h/x", /names no user/],
    ["postgres://:pw@h/x", /names no user/],
    ["postgres://u:p%zz@h/x", /written as %25/],
    ["postgres://u:p@ss@h/x", /written as %40/],
    ["postgres://u:p/ss@h/x", /written as %40/],
    ["postgres://u:p?ss@h/x", /written as %40/],
    ["postgres://u:p#ss@h/x", /written as %40/],
    ["postgres://u:pw%00@h/x", /NUL/],
    ["postgres://u:pw", /names no user|cannot be read/],
    ["postgres://u@h:0/x", /host or the port/],
    ["postgres://u@h:99999/x", /host or the port/],
    ["postgres://u@a,b/x", /one host only/],
    ["postgres://u@%2Frun%2Fpostgres/x", /host or the port/],
    ["postgres://u@h/x#y", /must look like/],
    ["postgres://u@h/x/y", /must look like/],
    [
      "postgres://u@h/x?application_name=y",
      /parameter application_name is not known; known are sslmode and sslrootcert/,
    ],
    ["postgres://u@h/x?options=-c%20a", /parameter options is not known/],
    ["postgres://u@h/x?ssl=true", /parameter ssl is not known/],
    ["postgres://u@h/x?host=/run", /parameter host is not known/],
    ["postgres://u@h/x?Hunter2", /a parameter is not known/],
    ["postgres://u@h/x?sslmode=require&sslmode=disable", /given twice/],
    ["postgres://u@h/x?sslmode=prefer", /sslmode=prefer protects from nobody/],
    ["postgres://u@h/x?sslmode=on", /sslmode is one of disable, require, verify-ca, verify-full/],
    ["postgres://u@h/x?sslmode=require&sslrootcert=/x", /verify-ca and sslmode=verify-full only/],
    ["postgres://u@h/x?sslmode=verify-ca&sslrootcert=/nowhere", /cannot be read \(ENOENT\)/],
  ])("is refused in one line when it is %s", (url, fault) => {
    expect(() => readPostgresUrl(url)).toThrow(fault);
    expect(() => readPostgresUrl(url)).toThrow(/^(?!.*(pw|ss@|p%zz|Hunter)).+$/);
  });

  it.each([
    ["nothing", "", /holds no certificate/],
    ["no PEM", "hello", /holds no certificate/],
    [
      "a broken one",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      /a certificate .* cannot be read/,
    ],
  ])("is refused when the file of its certificates holds %s", (_what, content, fault) => {
    expect(() => readPostgresUrl(`postgres://u@h/x?sslmode=verify-full&sslrootcert=${fileWith(content)}`)).toThrow(
      fault,
    );
  });
});
