"""locust -f docs/load/locustfile.py --headless -u 20 -r 20 -t 20s -H http://127.0.0.1:8000     (TOKEN is a variable)"""

import os
import random

from locust import HttpUser, constant_throughput, task


class Client(HttpUser):
    wait_time = constant_throughput(10)

    def on_start(self):
        if os.environ.get("TOKEN"):
            self.client.headers["Authorization"] = "Bearer " + os.environ["TOKEN"]

    def ask(self, name, body):
        with self.client.post("/" + name, json=body, catch_response=True) as response:
            if response.status_code != 200 or response.json()["status"] != "success":
                response.failure(response.text[:200])

    @task(4)
    def score(self):
        self.ask("SalienceScorer", {"features": [{"task_risk": random.random(), "failure_severity": random.random()}]})

    @task(2)
    def detect(self):
        self.ask("AnomalyDetector", {"data": [random.gauss(0.4, 0.05) for _ in range(60)] + [0.99]})

    @task(1)
    def predict(self):
        self.ask("ScalingPredictor", {"cpu_avg": random.random(), "memory_avg": 0.6, "response_time": 1.2})
