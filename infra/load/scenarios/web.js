// Web capacity: each user signs up and logs in once, then uploads 10 KB to upload-mock again and again and waits for
// 0.1 to 0.5 s in between. TARGET is the site. STEPS lists how many users there are, for how many seconds their number
// rises, and for how many it stays: "5:2:10,100:20:30".
import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';

const site = __ENV.TARGET || 'http://localhost:8080';
const steps = (__ENV.STEPS || '5:2:15,100:20:45,200:20:45,300:20:60').split(',').map((step) => {
  const [users, rise, hold] = step.split(':').map(Number);
  return { users, rise, hold };
});

export const options = {
  scenarios: {
    web: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: steps.flatMap((s) => [
        { duration: `${s.rise}s`, target: s.users },
        { duration: `${s.hold}s`, target: s.users },
      ]),
      gracefulRampDown: '30s',
      gracefulStop: '30s',
    },
  },
  discardResponseBodies: true,
  noCookiesReset: true,
  systemTags: ['name', 'status', 'error_code'],
};

// A container's first bytes, then the letter 0: 10 KB that every version of upload-mock accepts.
const file = '\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom'.padEnd(10 * 1024, '0');
const boundary = 'a-line-that-is-in-no-clip';
const form = [
  `--${boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nA clip for a load test\r\n`,
  `--${boundary}\r\nContent-Disposition: form-data; name="video_file"; filename="test_video.mp4"\r\n`,
  `Content-Type: video/mp4\r\n\r\n${file}\r\n--${boundary}--\r\n`,
].join('');

// moment names the step that the test is in, such as "100", or "to 100" while the number of users rises.
function moment() {
  let left = (Date.now() - exec.scenario.startTime) / 1000;
  for (const s of steps) {
    if (left < s.rise) return `to ${s.users}`;
    if (left < s.rise + s.hold) return `${s.users}`;
    left -= s.rise + s.hold;
  }
  return 'end';
}

const json = (name, responseType) => ({
  headers: { 'Content-Type': 'application/json' }, tags: { name, step: moment() }, responseType,
});

// Each virtual user has its own account and token.
const me = { email: '', token: '' };

function enter() {
  const password = 'A-long-password-for-load-tests-1';
  if (!me.email) {
    const email = `load-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}-${exec.vu.idInTest}@example.com`;
    const body = JSON.stringify({
      email, password1: password, password2: password,
      first_name: 'Load', last_name: 'Test', city: 'Bogotá', country: 'Colombia',
    });
    if (http.post(`${site}/api/auth/signup`, body, json('sign up', 'none')).status !== 201) return;
    me.email = email;
  }
  const login = JSON.stringify({ email: me.email, password });
  const answer = http.post(`${site}/api/auth/login`, login, json('log in', 'text'));
  if (answer.status === 200) me.token = answer.json('access_token');
}

export default function () {
  if (!me.token) {
    enter();
  } else {
    const answer = http.post(`${site}/api/videos/upload-mock`, form, {
      headers: {
        Authorization: `Bearer ${me.token}`, 'Content-Type': `multipart/form-data; boundary=${boundary}`,
      },
      tags: { name: 'upload', step: moment() },
    });
    if (answer.status === 401) me.token = '';
  }
  sleep(0.1 + Math.random() * 0.4);
}
