// The program signs up, uploads a clip, follows it until it is published, and votes, all by the types that
// `make client-ts` generates into showcase.ts. It shows how they are used, and the end-to-end tests run it:
//
//	npx tsc && node out/main.js http://localhost:8080 clip.mp4
import { openAsBlob } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./showcase.js";

type Showcase = ReturnType<typeof createClient<paths>>;

const password = "correct horse battery";

// newPerson signs up and in, and returns a client that sends the person's token along.
async function newPerson(baseUrl: string, name: string): Promise<Showcase> {
  const client = createClient<paths>({ baseUrl });
  const email = `${name}-${Date.now()}@example.com`;
  const account = await client.POST("/api/auth/signup", {
    body: {
      email, password1: password, password2: password,
      first_name: "Ana", last_name: "Ruiz", city: "Bogotá", country: "Colombia",
    },
  });
  if (!account.data) throw new Error(`sign up: ${account.error.code}`);
  const session = await client.POST("/api/auth/login", { body: { email, password } });
  if (!session.data) throw new Error(`sign in: ${session.error.code}`);
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${session.data.access_token}` } });
}

async function upload(client: Showcase, clip: string): Promise<string> {
  const file = await openAsBlob(clip);
  const uploaded = await client.POST("/api/videos/upload", {
    body: { title: "By the TypeScript client" },
    bodySerializer(body) {
      const form = new FormData();
      form.set("title", body.title);
      form.set("file", file, "clip.mp4");
      return form;
    },
  });
  if (!uploaded.data) throw new Error(`upload: ${uploaded.error.code}`);
  return uploaded.data.video_id;
}

// follow waits for the end of the video's events, and reads what has become of it.
async function follow(client: Showcase, id: string): Promise<void> {
  const params = { path: { id } };
  const events = await client.GET("/api/videos/{id}/events", { params, parseAs: "text" });
  if (!events.data?.includes("event: final")) throw new Error(`follow: ${events.data ?? events.error?.code}`);
  const video = await client.GET("/api/videos/{id}", { params });
  if (video.data?.status !== "processed") throw new Error(`the video: ${JSON.stringify(video)}`);
}

async function main(baseUrl: string, clip: string): Promise<void> {
  const contestant = await newPerson(baseUrl, "contestant");
  const voter = await newPerson(baseUrl, "voter");
  const id = await upload(contestant, clip);
  await follow(contestant, id);
  const params = { path: { id } };
  const voted = await voter.POST("/api/public/videos/{id}/vote", { params });
  if (!voted.data) throw new Error(`vote: ${voted.error.code}`);
  const again = await voter.POST("/api/public/videos/{id}/vote", { params });
  if (again.error?.code !== "already_voted") throw new Error(`a second vote: ${JSON.stringify(again)}`);
  console.log("votes:", voted.data.total_votes);
}

const [, , url, clip] = process.argv;
if (!url || !clip) {
  console.error("usage: node out/main.js URL CLIP");
  process.exit(2);
}
await main(url, clip);
