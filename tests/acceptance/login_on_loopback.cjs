// Agents Playground knows one login server, Microsoft's. Required before it (`node --require`), this sends what is meant
// for that server to ours; everything else of its authentication stays as its authors wrote it.
"use strict";
const http = require("node:http");
const https = require("node:https");

const MEANT = "login.microsoftonline.com";
const login = new URL(process.env.LOGIN_ON_LOOPBACK);

for (const name of ["request", "get"]) {
  const original = https[name];
  https[name] = (first, ...rest) => {
    const url = first instanceof URL ? first : typeof first === "string" ? new URL(first) : null;
    const options = url ? (rest[0] && typeof rest[0] === "object" ? rest.shift() : {}) : first;
    const host = url ? url.hostname : options.hostname || options.host || "";
    if (host.split(":")[0] !== MEANT) return url ? original(url, options, ...rest) : original(options, ...rest);
    const path = url ? url.pathname + url.search : options.path;
    const { method, headers } = options;
    return http[name]({ hostname: login.hostname, port: login.port, path, method, headers }, ...rest);
  };
}
