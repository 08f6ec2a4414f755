// k6 run docs/load/k6.js          BASE=http://127.0.0.1:8000 TOKEN=... RATE=200 are variables
import http from 'k6/http';
import { check } from 'k6';

export const options = {
  scenarios: {
    steady: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 200),
      timeUnit: '1s',
      duration: __ENV.DURATION || '20s',
      preAllocatedVUs: 50,
      maxVUs: 500,
    },
  },
  thresholds: {
    http_req_failed: ['rate<0.001'],
    http_req_duration: ['p(99)<250'],
  },
};

const headers = { 'Content-Type': 'application/json' };
if (__ENV.TOKEN) headers.Authorization = `Bearer ${__ENV.TOKEN}`;

export default function () {
  const body = JSON.stringify({ cpu_avg: 0.82, memory_avg: 0.6, response_time: 1.2 });
  const response = http.post(`${__ENV.BASE || 'http://127.0.0.1:8000'}/ScalingPredictor`, body, { headers });
  check(response, {
    'status is 200': r => r.status === 200,
    'has an action': r => r.json('action') !== undefined,
  });
}
