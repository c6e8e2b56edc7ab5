// What k6 files for this kind of API send: sign-up, the OAuth form for the login, JSON for it too, uploads of a file
// that is 10 KB of the letter 0 and of a clip by k6's own form, lists, and the public pages. Their variables have
// these names.
import http from 'k6/http';
import { check, sleep } from 'k6';

const BASE_URL = __ENV.BASE_URL || 'http://localhost:8080';
const UPLOAD_PATH = __ENV.UPLOAD_PATH || '/api/videos/upload-mock';
const FILE_PATH = __ENV.FILE_PATH;
const clip = FILE_PATH ? open(FILE_PATH, 'b') : null;

export const options = {
  vus: 2,
  iterations: 2,
  thresholds: { http_req_failed: ['rate==0'], checks: ['rate==1'], http_req_duration: ['p(95)<30000'] },
};

export default function () {
  const password = 'TestPassword123!';
  const email = `loadtest_${__VU}_${__ITER}_${Date.now()}@example.com`;
  const json = { headers: { 'Content-Type': 'application/json' } };

  let res = http.post(`${BASE_URL}/api/auth/signup`, JSON.stringify({
    email, password1: password, password2: password,
    first_name: 'Load', last_name: 'Test', city: 'TestCity', country: 'CO',
  }), json);
  check(res, { 'signed up': (r) => r.status === 201 });

  res = http.post(`${BASE_URL}/api/auth/login`, { username: email, password });
  check(res, { 'logged in by form': (r) => r.status === 200 && r.json('token_type') === 'Bearer' });
  res = http.post(`${BASE_URL}/api/auth/login`, JSON.stringify({ email, password }), json);
  check(res, { 'logged in': (r) => r.status === 200 && !!r.json('access_token') });
  const signed = { headers: { Authorization: `Bearer ${res.json('access_token')}` } };

  res = http.post(`${BASE_URL}${UPLOAD_PATH}`, {
    video_file: http.file('0'.repeat(10 * 1024), 'test_video.mp4', 'video/mp4'),
    title: `Load Test Video ${Math.floor(Math.random() * 100000)}`,
  }, signed);
  check(res, { 'uploaded the letter 0': (r) => r.status === 202 && !!r.json('video_id') });

  if (clip) {
    res = http.post(`${BASE_URL}/api/videos/upload`, {
      video_file: http.file(clip, 'clip.mp4', 'video/mp4'), title: 'Tiro de tres puntos en movimiento',
    }, signed);
    check(res, { 'uploaded a clip': (r) => r.status === 201 });
  }

  for (const path of ['/api/videos', '/api/videos/', '/api/auth/me', '/api/public/videos', '/api/public/rankings', '/health']) {
    res = http.get(`${BASE_URL}${path}`, signed);
    check(res, { [`read ${path}`]: (r) => r.status === 200 });
  }
  sleep(Math.random() * 0.4 + 0.1);
}
