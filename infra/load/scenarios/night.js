// A voting night: of all requests 45 % read the gallery, 45 % the ranking, 9 % vote and 1 % sign in. Every second vote
// is for the same video, the hot one. Nobody runs out of votes: who has voted for a video takes the vote back the next
// time. TARGET is the site, which must have entries (`app seed`). STEPS lists how many requests arrive per second, for
// how many seconds their number rises, and for how many it stays: "100:5:20,500:10:30".
import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';
import { Counter, Gauge } from 'k6/metrics';

const site = __ENV.TARGET || 'http://localhost:8080';
const voters = Number(__ENV.VOTERS || 200);
const steps = (__ENV.STEPS || '100:5:20,250:10:30,500:10:60').split(',').map((step) => {
  const [rate, rise, hold] = step.split(':').map(Number);
  return { rate, rise, hold };
});

export const options = {
  scenarios: {
    night: {
      executor: 'ramping-arrival-rate',
      startRate: 0,
      timeUnit: '1s',
      preAllocatedVUs: voters,
      maxVUs: voters,
      stages: steps.flatMap((s) => [
        { duration: `${s.rise}s`, target: s.rate },
        { duration: `${s.hold}s`, target: s.rate },
      ]),
      gracefulStop: '30s',
    },
  },
  setupTimeout: '5m',
  teardownTimeout: '2m',
  discardResponseBodies: true,
  systemTags: ['name', 'status', 'error_code'],
};

// What was acknowledged, and what the site showed before and after. The runner compares them.
const votes = new Counter('votes_cast');
const hotVotes = new Counter('votes_cast_hot');
const taken = new Counter('votes_taken_back');
const hotTaken = new Counter('votes_taken_back_hot');
const before = new Gauge('votes_before');
const hotBefore = new Gauge('votes_before_hot');
const after = new Gauge('votes_after');
const hotAfter = new Gauge('votes_after_hot');

const pool = 500; // entries that people look at and vote for
const password = 'A-long-password-for-load-tests-1';
const jsonBody = { 'Content-Type': 'application/json' };
const untimed = { tags: { name: 'preparation', step: 'preparation' }, responseType: 'text' };

// entries returns the votes of the latest entries, by their ids, or of those that are wanted.
function entries(wanted) {
  const found = {};
  for (let page = 1; page <= pool / 100 + (wanted ? 5 : 0); page++) {
    const answer = http.get(`${site}/api/public/videos?page=${page}&page_size=100`, untimed);
    if (answer.status !== 200) throw new Error(`the gallery answers ${answer.status}`);
    const rows = answer.json();
    for (const row of rows) if (!wanted || wanted.includes(row.video_id)) found[row.video_id] = row.votes;
    if (rows.length < 100) break;
  }
  return found;
}

const sum = (numbers) => Object.values(numbers).reduce((a, b) => a + b, 0);

// together sends requests, ten at a time, and stops the test unless all are answered with the status.
function together(requests, status) {
  const answers = [];
  for (let i = 0; i < requests.length; i += 10) answers.push(...http.batch(requests.slice(i, i + 10)));
  for (const answer of answers) {
    if (answer.status !== status) throw new Error(`preparing voters: ${answer.status} ${answer.body}`);
  }
  return answers;
}

export function setup() {
  const tallies = entries();
  const ids = Object.keys(tallies);
  if (ids.length === 0) throw new Error('the gallery is empty: run `app seed` on the site first');
  before.add(sum(tallies));
  hotBefore.add(tallies[ids[0]]);

  const run = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  const emails = Array.from({ length: voters }, (_, i) => `night-${run}-${i}@example.com`);
  const params = { ...untimed, headers: jsonBody };
  together(emails.map((email) => ['POST', `${site}/api/auth/signup`, JSON.stringify({
    email, password1: password, password2: password,
    first_name: 'Voting', last_name: 'Night', city: 'Bogotá', country: 'Colombia',
  }), params]), 201);
  const signedIn = together(emails.map((email) => [
    'POST', `${site}/api/auth/login`, JSON.stringify({ email, password }), params,
  ]), 200);
  return { ids, emails, tokens: signedIn.map((answer) => answer.json('access_token')) };
}

// moment names the step that the test is in, such as "100/s", or "to 100/s" while the rate rises.
function moment() {
  let left = (Date.now() - exec.scenario.startTime) / 1000;
  for (const s of steps) {
    if (left < s.rise) return `to ${s.rate}/s`;
    if (left < s.rise + s.hold) return `${s.rate}/s`;
    left -= s.rise + s.hold;
  }
  return 'end';
}

const any = (list) => list[Math.floor(Math.random() * list.length)];
const mine = new Set(); // the videos for which this virtual user's voter has voted

function vote(data) {
  const id = Math.random() < 0.5 ? data.ids[0] : any(data.ids);
  const params = {
    headers: { Authorization: `Bearer ${data.tokens[(exec.vu.idInTest - 1) % voters]}` },
    tags: { name: id === data.ids[0] ? 'vote, hot' : 'vote', step: moment() },
  };
  const url = `${site}/api/public/videos/${id}/vote`;
  const again = mine.has(id);
  const answer = again ? http.del(url, null, params) : http.post(url, null, params);
  if (answer.status !== 200) return;
  if (again) {
    mine.delete(id);
    taken.add(1);
    if (id === data.ids[0]) hotTaken.add(1);
  } else {
    mine.add(id);
    votes.add(1);
    if (id === data.ids[0]) hotVotes.add(1);
  }
}

export default function (data) {
  const dice = Math.random();
  const page = 1 + Math.floor(Math.random() ** 3 * 20); // most people see the first pages only
  if (dice < 0.45) {
    http.get(`${site}/api/public/videos?page=${page}&page_size=20`, { tags: { name: 'gallery', step: moment() } });
  } else if (dice < 0.9) {
    http.get(`${site}/api/public/rankings?page=${page}&page_size=20`, { tags: { name: 'ranking', step: moment() } });
  } else if (dice < 0.99) {
    vote(data);
  } else {
    http.post(`${site}/api/auth/login`, JSON.stringify({ email: any(data.emails), password }), {
      headers: jsonBody, tags: { name: 'log in', step: moment() },
    });
  }
}

export function teardown(data) {
  sleep(2); // pages may be a second old
  const tallies = entries(data.ids);
  after.add(sum(tallies));
  hotAfter.add(tallies[data.ids[0]] ?? -1);
}
