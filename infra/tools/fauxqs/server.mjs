// Runs an SQS server for tests on 127.0.0.1, at the port of the first argument (0: a free one), until it gets a signal.
// It prints its port once it is ready. The package's own command would listen on every address.
import { buildApp } from "fauxqs";

const app = buildApp({ logger: false });
await app.listen({ host: "127.0.0.1", port: Number(process.argv[2] ?? 0) });
console.log(app.server.address().port);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
